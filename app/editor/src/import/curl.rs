//! A cURL command as a task `http.request`. What logs in becomes a reference to a secret; it is never kept openly.

use serde_json::{Map, Value, json};

use super::sketch::Sketch;
use crate::refusal::Refusal;

/// Options without an argument that change nothing here.
const IGNORED: [&str; 12] = [
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-i",
    "--include",
    "-L",
    "--location",
    "--compressed",
    "-f",
];

#[derive(Default)]
struct Request {
    url: Option<String>,
    method: Option<String>,
    headers: Map<String, Value>,
    data: Vec<String>,
    is_json: bool,
    is_get: bool,
    auth: Option<Value>,
    timeout: Option<String>,
    retries: Option<u64>,
}

pub(super) fn read(text: &str) -> Result<Sketch, Refusal> {
    let words = words(text)?;
    let mut sketch = Sketch::default();
    let mut request = Request::default();
    let mut words = words.into_iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let (option, given) = split(&word);
        let takes = takes_argument(&option);
        let argument = if !takes {
            None
        } else if given.is_some() {
            given
        } else {
            words.next()
        };
        if takes && argument.is_none() {
            let message = format!("`{option}` says nothing after it; complete the command");
            return Err(Refusal::new("bad_command", message));
        }
        request.take(&option, argument.unwrap_or_default(), &mut sketch);
    }
    request.finish(sketch)
}

/// An option and what is written together with it.
fn split(word: &str) -> (String, Option<String>) {
    if let Some((option, value)) = word.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
        return (format!("--{option}"), Some(value.to_owned()));
    }
    let is_short = word.starts_with('-') && !word.starts_with("--") && word.len() > 2;
    match word.get(..2) {
        Some(option) if is_short && takes_argument(option) => (option.to_owned(), Some(word[2..].to_owned())),
        _ => (word.to_owned(), None),
    }
}

fn takes_argument(option: &str) -> bool {
    const WITH: [&str; 36] = [
        "-X",
        "--request",
        "-H",
        "--header",
        "-d",
        "--data",
        "--data-raw",
        "--data-binary",
        "--data-ascii",
        "--data-urlencode",
        "--json",
        "-u",
        "--user",
        "-A",
        "--user-agent",
        "-b",
        "--cookie",
        "-e",
        "--referer",
        "-m",
        "--max-time",
        "--retry",
        "--url",
        "-o",
        "--output",
        "-F",
        "--form",
        "-x",
        "--proxy",
        "--cacert",
        "--cert",
        "--connect-timeout",
        "-T",
        "--upload-file",
        "--oauth2-bearer",
        "--resolve",
    ];
    WITH.contains(&option)
}

impl Request {
    fn take(&mut self, option: &str, value: String, sketch: &mut Sketch) {
        match option {
            "-X" | "--request" => self.method = Some(value.to_uppercase()),
            "-H" | "--header" => self.header(&value, sketch),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" => {
                if value.starts_with('@') && option != "--data-raw" {
                    sketch.tell(format!(
                        "The body is read from the file `{}`; put it into `body`.",
                        &value[1..]
                    ));
                } else {
                    self.data.push(value);
                }
            }
            "--data-urlencode" => self.data.push(value),
            "--json" => {
                self.is_json = true;
                self.data.push(value);
            }
            "-u" | "--user" => {
                let name = value.split(':').next().unwrap_or_default();
                self.auth = Some(json!({ "username": name, "password": "{{ secrets.password }}" }));
                sketch.tell("The password is not kept: put it into the secret `password`.");
            }
            "--oauth2-bearer" => self.bearer(sketch),
            "-A" | "--user-agent" => drop(self.headers.insert("User-Agent".to_owned(), json!(value))),
            "-e" | "--referer" => drop(self.headers.insert("Referer".to_owned(), json!(value))),
            "-b" | "--cookie" => self.secret_header("Cookie", sketch),
            "-m" | "--max-time" => self.timeout = value.parse::<u64>().ok().map(|secs| format!("{secs}s")),
            "--retry" => self.retries = value.parse().ok(),
            "-G" | "--get" => self.is_get = true,
            "-I" | "--head" => self.method = Some("HEAD".to_owned()),
            "--url" => self.url = Some(value),
            "-k" | "--insecure" => {
                sketch.tell("`-k` is left out: certificates are always checked.");
            }
            option if IGNORED.contains(&option) => {}
            option if option.starts_with('-') => {
                let value = if value.is_empty() {
                    value
                } else {
                    format!(" {value}")
                };
                sketch.tell(format!("The option `{option}{value}` is left out."));
            }
            url if self.url.is_none() => self.url = Some(url.to_owned()),
            other => sketch.tell(format!("`{other}` is left out: one command makes one request.")),
        }
    }

    fn header(&mut self, header: &str, sketch: &mut Sketch) {
        let Some((name, value)) = header.split_once(':') else {
            sketch.tell(format!("The header `{header}` is left out."));
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        match name.to_ascii_lowercase().as_str() {
            "authorization" if value.to_ascii_lowercase().starts_with("bearer ") => self.bearer(sketch),
            "authorization" | "cookie" | "x-api-key" | "api-key" | "x-auth-token" => {
                self.secret_header(name, sketch)
            }
            "content-type" if value.starts_with("application/json") => self.is_json = true,
            _ => drop(self.headers.insert(name.to_owned(), json!(value))),
        }
    }

    fn bearer(&mut self, sketch: &mut Sketch) {
        self.auth = Some(json!({ "bearer": "{{ secrets.token }}" }));
        sketch.tell("The token is not kept: put it into the secret `token`.");
    }

    fn secret_header(&mut self, name: &str, sketch: &mut Sketch) {
        let secret = name.to_ascii_lowercase().replace('-', "_");
        self.headers
            .insert(name.to_owned(), json!(format!("{{{{ secrets.{secret} }}}}")));
        sketch.tell(format!(
            "The header `{name}` is not kept: put it into the secret `{secret}`."
        ));
    }

    fn finish(mut self, mut sketch: Sketch) -> Result<Sketch, Refusal> {
        let Some(mut url) = self.url.take() else {
            return Err(Refusal::new(
                "bad_command",
                "the command names no address; add the URL to it",
            ));
        };
        if !url.contains("://") {
            url = format!("http://{url}");
        }
        if let Some((scheme, rest)) = url.clone().split_once("://")
            && let Some((user, host)) = rest.split_once('@')
            && !user.contains('/')
        {
            self.take("-u", user.to_owned(), &mut sketch);
            url = format!("{scheme}://{host}");
        }
        let data = self.data.join("&");
        if self.is_get && !data.is_empty() {
            url = format!("{url}{}{data}", if url.contains('?') { "&" } else { "?" });
        }
        let has_body = !self.data.is_empty() && !self.is_get;
        let mut with = Map::new();
        let method = self
            .method
            .unwrap_or_else(|| if has_body { "POST" } else { "GET" }.to_owned());
        if method != "GET" {
            with.insert("method".to_owned(), json!(method));
        }
        with.insert("url".to_owned(), json!(url));
        if has_body {
            let value = serde_json::from_str::<Value>(&data)
                .ok()
                .filter(|_| self.is_json || !data.contains('='));
            if value.is_none() && self.is_json {
                self.headers
                    .insert("Content-Type".to_owned(), json!("application/json"));
            } else if value.is_none()
                && !self
                    .headers
                    .keys()
                    .any(|name| name.eq_ignore_ascii_case("content-type"))
            {
                let form = "application/x-www-form-urlencoded";
                self.headers.insert("Content-Type".to_owned(), json!(form));
            }
            with.insert("body".to_owned(), value.unwrap_or_else(|| json!(data)));
        }
        if !self.headers.is_empty() {
            with.insert("headers".to_owned(), Value::Object(self.headers));
        }
        if let Some(auth) = self.auth {
            with.insert("auth".to_owned(), auth);
        }
        if with
            .values()
            .any(|value| value.to_string().replace("{{ secrets.", "").contains("{{"))
        {
            sketch.tell("Braces `{{ … }}` in the command are read as expressions here.");
        }
        let host = url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', '?', ':']).next().unwrap_or_default();
        sketch.name = format!("{method} {host}");
        let task = sketch.task("request", json!({ "type": "http.request", "with": with }));
        if let Some(timeout) = self.timeout {
            sketch.set(&task, "timeout", json!(timeout));
        }
        if let Some(retries) = self.retries.filter(|retries| *retries > 0) {
            sketch.set(&task, "retry", json!({ "max_attempts": (retries + 1).min(1000) }));
        }
        Ok(sketch)
    }
}

/// The words of a command as a shell splits it, for POSIX shells.
fn words(text: &str) -> Result<Vec<String>, Refusal> {
    let open = || Refusal::new("bad_command", "a quote in the command is never closed");
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if matches!(chars.peek(), Some('\n')) => drop(chars.next()),
            '\\' if matches!(chars.peek(), Some('\r')) => {
                chars.next();
                chars.next_if_eq(&'\n');
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '$' if matches!(chars.peek(), Some('\'')) => {
                chars.next();
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(open)? {
                        '\'' => break,
                        '\\' => word.push(match chars.next().ok_or_else(open)? {
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            other => other,
                        }),
                        c => word.push(c),
                    }
                }
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(open)? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(open)? {
                        '"' => break,
                        '\\' => match chars.next().ok_or_else(open)? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            '\n' => {}
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}
