//! Mails to a server of our own.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::mail::server::MailServer;
use crate::task_types::harness::{Harness, Setup};
use crate::task_types::{BuiltinOptions, Certificates, HttpOptions, MailOptions, TypeRegistry};

/// Sends one mail; how the attempt ended, and what the server took.
async fn check(server: &MailServer, input: Value, expected: Expect) {
    let harness = Harness::new(Setup::default());
    let mut told = harness.run("mail.send", input).await;
    for mail in server.taken() {
        let boundary = mail
            .text
            .split("boundary=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let text: String = mail
            .text
            .lines()
            .filter(|line| !line.starts_with("Date: "))
            .map(|line| format!("{}\n", format!("  {line}").trim_end()))
            .collect();
        // It is another each time.
        let text = boundary.map_or_else(|| text.clone(), |boundary| text.replace(boundary, "BOUNDARY"));
        told += &format!("from {} to {:?} as {:?}\n{text}", mail.from, mail.to, mail.login);
    }
    expected.assert_eq(&told.replace(&server.address.to_string(), "SERVER"));
}

#[tokio::test]
async fn mails_are_taken() {
    let server = MailServer::locked().await;
    let full = json!({
        "smtp": server.smtp("bot%40example.org:p%40ss%2Fword@"),
        "to": ["Ada Lovelace <ada@example.org>", "bob@example.org, cyd@example.org"],
        "cc": "dan@example.org",
        "reply_to": "ops@example.org",
        "subject": "Überfällig: 3 orders",
        "body": "Grüße\n.\nzwei",
        "html": "<p>Grüße</p>",
    });
    check(&server, full, expect![[r#"
        succeeded: "<902451405923afcde2c34d1db5caafd5@example.org>"
        out | the mail server took <902451405923afcde2c34d1db5caafd5@example.org>
        from bot@example.org to ["ada@example.org", "bob@example.org", "cyd@example.org", "dan@example.org"] as Some("bot@example.org")
          Message-ID: <902451405923afcde2c34d1db5caafd5@example.org>
          From: bot@example.org
          Subject: =?utf-8?b?w5xiZXJmw6RsbGlnOg==?= 3 orders
          To: "Ada Lovelace" <ada@example.org>, bob@example.org, cyd@example.org
          Cc: dan@example.org
          Reply-To: ops@example.org
          MIME-Version: 1.0
          Content-Type: multipart/alternative;
           boundary="BOUNDARY"
  
          --BOUNDARY
          Content-Type: text/plain; charset=utf-8
          Content-Transfer-Encoding: base64
  
          R3LDvMOfZQ0KLg0KendlaQ==
          --BOUNDARY
          Content-Type: text/html; charset=utf-8
          Content-Transfer-Encoding: quoted-printable
  
          <p>Gr=C3=BC=C3=9Fe</p>
          --BOUNDARY--
  
    "#]]).await;
}

#[tokio::test]
async fn headers_cannot_be_smuggled_in() {
    let server = MailServer::start().await;
    let mut told = String::new();
    let harness = Harness::new(Setup::default());
    let mail = |field: &str, value: Value| {
        let mut mail =
            json!({"smtp": server.smtp("") + "&from=bot@example.org", "to": "a@example.org", "subject": "x"});
        mail[field] = value;
        mail
    };
    for (field, value) in [
        ("subject", json!("x\r\nBcc: eve@example.org")),
        ("subject", json!("x\nBcc: eve@example.org")),
        ("to", json!("a@example.org\r\nBcc: eve@example.org")),
        ("to", json!(["a@example.org", "b@example.org\nX: y"])),
        ("to", json!("nobody")),
        ("to", json!([])),
        ("cc", json!("a@example.org>\r\nRCPT TO:<eve@example.org")),
        ("from", json!("bot@example.org\nBcc: eve@example.org")),
        ("reply_to", json!("\"x\r\nBcc: eve@example.org\" <a@example.org>")),
        ("smtp", json!("http://x")),
        ("smtp", json!("smtp://geheim:geheim@host?tls=maybe")),
        ("smtp", json!("smtp://host")),
    ] {
        told += &harness.run("mail.send", mail(field, value)).await;
    }
    assert!(server.taken().is_empty(), "nothing was sent");
    expect![[r#"
        failed, for good: input: `subject` is one line of at most 900 characters
        failed, for good: input: `subject` is one line of at most 900 characters
        failed, for good: input: `a@example.org\r\nBcc: eve@example.org` in `to` is no mail address
        failed, for good: input: `b@example.org\nX: y` in `to` is no mail address
        failed, for good: input: `nobody` in `to` is no mail address
        failed, for good: input: `to` names nobody
        failed, for good: input: `a@example.org>\r\nRCPT TO:<eve@example.org` in `cc` is no mail address
        failed, for good: input: `bot@example.org\nBcc: eve@example.org` in `from` is no mail address
        failed, for good: input: `\"x\r\nBcc: eve@example.org\" <a@example.org>` in `reply_to` is no mail address
        failed, for good: input: `smtp` is not the address of a mail server; it is like smtps://NAME:PASSWORD@HOST:465 or smtp://NAME:PASSWORD@HOST:587
        failed, for good: input: `smtp` has a parameter that is neither `tls=none` nor `from=…`; it is like smtps://NAME:PASSWORD@HOST:465 or smtp://NAME:PASSWORD@HOST:587
        failed, for good: input: nobody writes it: give `from`, or `?from=` in `smtp`
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_its_kind() {
    let server = MailServer::start().await;
    let harness = Harness::new(Setup::default());
    let mail =
        |smtp: String, to: &str| json!({"smtp": smtp, "from": "bot@example.org", "to": to, "subject": "x"});
    let mut told = String::new();
    for to in ["unknown@example.org", "later@example.org", "break@example.org"] {
        told += &harness.run("mail.send", mail(server.smtp(""), to)).await;
    }
    let locked = MailServer::locked().await;
    for login in ["bot:wrong@", ""] {
        told += &harness
            .run("mail.send", mail(locked.smtp(login), "a@example.org"))
            .await;
    }
    let with_tls = server.smtp("").replace("?tls=none", "");
    told += &harness.run("mail.send", mail(with_tls, "a@example.org")).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    told += &harness
        .run(
            "mail.send",
            mail(format!("smtp://{nobody}?tls=none"), "a@example.org"),
        )
        .await;
    assert!(server.taken().is_empty(), "nothing was taken");
    expect![[r#"
        failed, for good: refused: 127.0.0.1 refuses the mail: 550 Mailbox unavailable
        failed: deferred: 127.0.0.1 does not take the mail now: 450 Try again later
        failed: connect: 127.0.0.1 cannot be reached, or broke off: incomplete response
        failed, for good: login: 127.0.0.1 refuses the login: 535 Invalid credentials
        failed, for good: refused: 127.0.0.1 refuses the mail: 503 Bad sequence of commands
        failed, for good: refused: 127.0.0.1 does not offer what is needed: STARTTLS is not supported on this server
        failed: connect: 127.0.0.1 cannot be reached, or broke off: Connection refused (os error 111)
    "#]].assert_eq(&told.replace(&nobody.to_string(), "NOBODY"));
}

/// Two attempts of one task run send one mail twice at most, and it bears the same id.
#[tokio::test]
async fn a_repeated_mail_is_known_by_its_id() {
    let server = MailServer::start().await;
    let harness = Harness::new(Setup::default());
    let job = harness.job(
        "mail.send",
        json!({"smtp": server.smtp(""), "from": "bot@example.org", "to": "a@example.org", "subject": "x"}),
    );
    harness.make(&job).await;
    harness.make(&job).await;
    let ids: Vec<String> = server
        .wait_for(2)
        .await
        .iter()
        .filter_map(|mail| {
            mail.text
                .lines()
                .find(|line| line.starts_with("Message-ID: "))
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

fn harness_with(mail: MailOptions, deny_private: bool) -> Harness {
    let options = BuiltinOptions {
        mail,
        http: HttpOptions { deny_private },
        ..BuiltinOptions::default()
    };
    Harness::new(Setup {
        types: TypeRegistry::builtin(&options),
        ..Setup::default()
    })
}

/// The server's certificate must be one that is trusted: nothing is said to it before, no name and no password.
#[tokio::test]
async fn a_secure_connection_is_made_to_who_is_trusted() {
    let (server, pem) = MailServer::with_tls().await;
    let port = server.address.port();
    let mail = |host: &str| json!({"smtp": format!("smtp://{host}:{port}"), "from": "bot@example.org", "to": "a@example.org", "subject": "x"});
    let trusting = || MailOptions {
        trusted: Some(Certificates::from_pem(pem.as_bytes()).expect("it is one")),
        ..MailOptions::default()
    };
    let mut told = harness_with(MailOptions::default(), false)
        .run("mail.send", mail("localhost"))
        .await;
    // Its certificate is for another name.
    told += &harness_with(trusting(), false)
        .run("mail.send", mail("127.0.0.1"))
        .await;
    assert!(server.taken().is_empty(), "nothing was sent");
    told += &harness_with(trusting(), false)
        .run("mail.send", mail("localhost"))
        .await;
    assert_eq!(server.taken().len(), 1);
    expect![[r#"
        failed: tls: no secure connection to localhost: invalid peer certificate: UnknownIssuer
        failed: tls: no secure connection to 127.0.0.1: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost")
        succeeded: "<902451405923afcde2c34d1db5caafd5@example.org>"
        out | the mail server took <902451405923afcde2c34d1db5caafd5@example.org>
    "#]].assert_eq(&told);
    let wrong = [
        &b"no pem"[..],
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ];
    let wrong = wrong.map(|pem| Certificates::from_pem(pem).expect_err("it is none"));
    expect![[r#"
        there is no certificate in it; it is PEM, with `-----BEGIN CERTIFICATE-----`
        tls error: invalid peer certificate: BadEncoding"#]]
    .assert_eq(&wrong.join("\n"));
}

/// As `http.request`: whoever writes flows reaches no inner network, if the operator says so.
#[tokio::test]
async fn mail_servers_are_where_requests_may_go() {
    let server = MailServer::start().await;
    let port = server.address.port();
    let mail = |host: &str| json!({"smtp": format!("smtp://{host}:{port}?tls=none"), "from": "bot@example.org", "to": "a@example.org", "subject": "x"});
    let mut told = String::new();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        told += &harness_with(MailOptions::default(), true)
            .run("mail.send", mail(host))
            .await;
    }
    for host in ["169.254.169.254", "0.0.0.0"] {
        told += &harness_with(MailOptions::default(), false)
            .run("mail.send", mail(host))
            .await;
    }
    assert!(server.taken().is_empty(), "nothing was sent");
    let named = MailOptions {
        private_hosts: vec!["LocalHost".to_owned()],
        ..MailOptions::default()
    };
    told += &harness_with(named.clone(), true)
        .run("mail.send", mail("localhost"))
        .await;
    told += &harness_with(named, true)
        .run("mail.send", mail("127.0.0.1"))
        .await;
    expect![[r#"
        failed, for good: refused_address: 127.0.0.1 is this machine; requests to it are refused
        failed, for good: refused_address: localhost (127.0.0.1) is this machine; requests to it are refused
        failed, for good: refused_address: ::ffff:127.0.0.1 is this machine; requests to it are refused
        failed, for good: refused_address: 169.254.169.254 is a link-local address; requests to it are refused
        failed, for good: refused_address: 0.0.0.0 is an unspecified address; requests to it are refused
        succeeded: "<902451405923afcde2c34d1db5caafd5@example.org>"
        out | the mail server took <902451405923afcde2c34d1db5caafd5@example.org>
        failed, for good: refused_address: 127.0.0.1 is this machine; requests to it are refused
    "#]]
    .assert_eq(&told);
}
