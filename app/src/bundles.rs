//! Which pages the browser loads together.
//!
//! The server renders every page; the browser is given only the code of the page's own bundle. Going to a page of another bundle is an
//! ordinary load: the router's way there ends at `other`, which asks the server for the page.

#[cfg(not(any(
    feature = "ssr",
    all(feature = "board", feature = "monitor", feature = "editor")
)))]
pub mod other;

/// Pages that are loaded together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bundle {
    /// What is looked at first: home and the lists.
    Board,
    /// What is drawn: a flow, one run, or two side by side.
    Monitor,
    /// A flow being drawn.
    Editor,
}

impl Bundle {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Board, Self::Monitor, Self::Editor];

    /// Its name, in the site's manifest and as a feature of this crate.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Monitor => "monitor",
            Self::Editor => "editor",
        }
    }

    /// The bundle of the page at `path`. Addresses that lead nowhere are told so by the smallest.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
            ["edit"] | ["flows", _, "edit"] => Self::Editor,
            ["runs" | "flows", _] | ["flows", _, "versions"] => Self::Monitor,
            _ => Self::Board,
        }
    }
}

/// The pages as the routes name them: a page's own view where it is in this bundle, the way to it where it is not.
pub(crate) mod views {
    macro_rules! pages {
        ($bundle:literal, $module:ident: $($page:ident),+) => {
            #[cfg(any(feature = "ssr", feature = $bundle))]
            pub(crate) use crate::$module::{$($page),+};
            $(
                #[cfg(not(any(feature = "ssr", feature = $bundle)))]
                pub(crate) use crate::bundles::other::OtherBundle as $page;
            )+
        };
    }

    pages!("board", pages: BulkPage, FlowsPage, HomePage, RunsPage);
    pages!("monitor", pages: ComparePage, FlowPage, NewFlowPage, OpenPage, RunPage, VersionsPage);
    pages!("editor", editor: EditPage);
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(paths: &[&str], expected: Expect) {
        let said: Vec<_> = paths
            .iter()
            .map(|path| format!("{path} {}\n", Bundle::of(path).key()))
            .collect();
        expected.assert_eq(&said.concat());
    }

    #[test]
    fn a_page_belongs_to_one_bundle() {
        check(
            &[
                "/",
                "/flows",
                "/flows/new",
                "/flows/orders",
                "/runs",
                "/runs/",
                "/runs/0a1b",
                "/runs/compare",
                "/runs/open",
                "/bulks/1",
                "/edit",
                "/flows/orders/edit",
                "/flows/orders/versions",
                "/no/such",
            ],
            expect![[r#"
                / board
                /flows board
                /flows/new monitor
                /flows/orders monitor
                /runs board
                /runs/ board
                /runs/0a1b monitor
                /runs/compare monitor
                /runs/open monitor
                /bulks/1 board
                /edit editor
                /flows/orders/edit editor
                /flows/orders/versions monitor
                /no/such board
            "#]],
        );
    }
}
