//! One text with expressions, read into instructions of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::machinery::{
    CodeGenerator, Instructions, Token, eval, make_string_output, parse, parse_expr, tokenize,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, State, UndefinedBehavior, Value};
use yoke::{Yoke, Yokeable};

use super::meter::Meter;
use super::refs::Mention;
use super::scope::Scope;
use super::text::Paying;
use super::tree::Builder;
use super::{filters, ops};
use crate::limits;
use crate::suggest::Suggester;

/// Brackets inside each other: the engine's parser needs a dozen calls for each.
const BRACKETS_MAX: usize = 32;
/// `if`, `else`, `**` and prefixes in a row, which nest without brackets.
const BRANCHES_MAX: usize = 32;

#[derive(Yokeable)]
struct Compiled<'a>(Instructions<'a>);

/// A text ready to be evaluated; it holds the text it was read from.
pub(super) struct Code {
    compiled: Yoke<Compiled<'static>, Arc<str>>,
    /// It is one expression, whose value keeps its type.
    pub(super) is_native: bool,
    /// It was written without braces.
    pub(super) is_bare: bool,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.text())
    }
}

/// What a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A field: text with expressions in it, or exactly one expression.
    Field,
    /// A condition: one expression, with or without braces.
    Condition,
}

/// Whether a text holds anything for the engine.
pub(super) fn has_expression(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Code {
    /// Reads a text. Everything it refers to comes with it; sentences say why it cannot be accepted.
    pub(super) fn read(
        text: &str,
        form: Form,
        words: &Suggester,
    ) -> Result<(Self, Vec<Mention>), Vec<String>> {
        let is_bare = form == Form::Condition && !has_expression(text);
        scan(text, is_bare).map_err(|sentence| vec![sentence])?;
        let mut mentions = Vec::new();
        let mut is_native = true;
        let compiled = Yoke::try_attach_to_cart(
            Arc::<str>::from(text),
            |text: &str| -> Result<Compiled<'_>, Vec<String>> {
                let mut code = CodeGenerator::new("expression", text);
                let found = if is_bare {
                    let expr = parse_expr(text).map_err(|error| vec![parse_sentence(text, &error)])?;
                    native(&expr, &mut code, words)?
                } else {
                    let tree = parse(text, "expression", syntax())
                        .map_err(|error| vec![parse_sentence(text, &error)])?;
                    let Stmt::Template(template) = &tree else {
                        return Err(vec!["It cannot be read.".to_owned()]);
                    };
                    match only_expression(&template.children) {
                        Some(expr) => native(expr, &mut code, words)?,
                        None if form == Form::Condition => {
                            return Err(vec!["A condition is one expression that gives true or false, such as `inputs.count > 3`.".to_owned()]);
                        }
                        None => {
                            is_native = false;
                            let mut builder = Builder::new(true, words);
                            let built = builder.template(&template.children, tree_span(&tree));
                            if builder.faults.is_empty() {
                                code.compile_stmt(&built);
                            }
                            accept(builder)?
                        }
                    }
                };
                mentions = found;
                Ok(Compiled(code.finish().0))
            },
        )?;
        Ok((
            Self {
                compiled,
                is_native,
                is_bare,
            },
            mentions,
        ))
    }

    /// The text it was read from.
    pub(super) fn text(&self) -> &str {
        self.compiled.backing_cart()
    }

    /// Evaluates it as one expression.
    pub(super) fn value(
        &self,
        env: &Environment<'_>,
        scope: &Scope,
        meter: &Arc<Meter>,
    ) -> Result<Value, Error> {
        let mut sink = String::new();
        let value = self.run(env, scope, meter, &mut sink)?;
        Ok(value.unwrap_or_default())
    }

    /// Renders it as a text.
    pub(super) fn render(
        &self,
        env: &Environment<'_>,
        scope: &Scope,
        meter: &Arc<Meter>,
    ) -> Result<String, Error> {
        // The formatter pays for what it writes; what stands in the text itself is paid for here, once.
        meter.emit(self.text().len())?;
        let mut text = String::new();
        self.run(env, scope, meter, &mut text)?;
        Ok(text)
    }

    fn run(
        &self,
        env: &Environment<'_>,
        scope: &Scope,
        meter: &Arc<Meter>,
        text: &mut String,
    ) -> Result<Option<Value>, Error> {
        let blocks = BTreeMap::new();
        let mut output = make_string_output(text);
        let (value, state) = eval(
            env,
            &self.compiled.get().0,
            scope.root(meter),
            &blocks,
            &mut output,
            AutoEscape::None,
        )?;
        // Steps are limited by the expression; a field with thousands of them pays for their sum as well.
        let steps = state.fuel_levels().map_or(0, |(consumed, _)| consumed);
        drop(state);
        meter.charge(steps.saturating_mul(16))?;
        Ok(value)
    }
}

fn tree_span(tree: &Stmt<'_>) -> minijinja::machinery::Span {
    match tree {
        Stmt::Template(template) => template.span(),
        _ => minijinja::machinery::Span::default(),
    }
}

fn native<'s>(
    expr: &Expr<'s>,
    code: &mut CodeGenerator<'s>,
    words: &Suggester,
) -> Result<Vec<Mention>, Vec<String>> {
    let mut builder = Builder::new(false, words);
    let built = builder.expr(expr);
    if builder.faults.is_empty() {
        code.compile_expr(&built);
    }
    accept(builder)
}

fn accept(builder: Builder<'_, '_>) -> Result<Vec<Mention>, Vec<String>> {
    if builder.faults.is_empty() {
        Ok(builder.mentions)
    } else {
        Err(builder.faults)
    }
}

/// The uses of names in a text of that form; none if it cannot be read.
pub(super) fn mentions_of(text: &str, form: Form) -> Option<Vec<Mention>> {
    let is_bare = form == Form::Condition && !has_expression(text);
    scan(text, is_bare).ok()?;
    let is_readable = if is_bare {
        parse_expr(text).is_ok()
    } else {
        parse(text, "expression", syntax()).is_ok()
    };
    is_readable.then(|| mentions_in(text, is_bare))
}

/// The uses of names in a text that has been accepted before.
pub(super) fn mentions_in(text: &str, is_bare: bool) -> Vec<Mention> {
    let words = Suggester::default();
    let mut builder = Builder::new(true, &words);
    if is_bare {
        if let Ok(expr) = parse_expr(text) {
            builder.expr(&expr);
        }
    } else if let Ok(Stmt::Template(template)) = parse(text, "expression", syntax()) {
        builder.template(&template.children, template.span());
    }
    builder.mentions
}

/// The expression of a text that holds nothing else; line ends after it, as YAML blocks leave them, do not count.
fn only_expression<'t, 's>(children: &'t [Stmt<'s>]) -> Option<&'t Expr<'s>> {
    match children {
        [Stmt::EmitExpr(emit)] => Some(&emit.expr),
        [Stmt::EmitExpr(emit), Stmt::EmitRaw(raw)] if raw.raw.chars().all(|c| matches!(c, '\n' | '\r')) => {
            Some(&emit.expr)
        }
        _ => None,
    }
}

fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .build()
        .unwrap_or_default()
}

/// The engine with our operators, filters and limits; it holds no template.
pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(limits::EXPRESSION_STEPS_MAX));
    env.set_recursion_limit(100);
    // So that errors name what is undefined.
    env.set_debug(true);
    env.set_formatter(|out, state: &mut State<'_, '_>, value| {
        let meter = Meter::of(state)?;
        Paying::result(out, &meter).text(value)
    });
    ops::add_to(&mut env);
    filters::add_to(&mut env);
    env
}

/// Looks at the words before the parser does, which calls itself for each nesting.
fn scan(text: &str, is_expression: bool) -> Result<(), String> {
    let (mut tokens, mut brackets, mut branches, mut prefixes, mut tags) =
        (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
    let mut is_tag_name = false;
    for token in tokenize(text, is_expression, syntax()) {
        let (token, _) = token.map_err(|error| parse_sentence(text, &error))?;
        tokens += 1;
        prefixes = if matches!(token, Token::Minus | Token::Ident("not")) {
            prefixes + 1
        } else {
            0
        };
        match token {
            Token::VariableStart | Token::BlockStart => (tokens, brackets, branches) = (0, 0, 0),
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => brackets += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                brackets = brackets.saturating_sub(1)
            }
            Token::Ident("if" | "else") | Token::Pow => branches += 1,
            Token::Comma => branches = 0,
            Token::Ident(name) if is_tag_name => refused_tag(name)?,
            _ => {}
        }
        is_tag_name = matches!(token, Token::BlockStart);
        tags += usize::from(is_tag_name);
        if brackets > BRACKETS_MAX
            || branches.max(prefixes) > BRANCHES_MAX
            || tokens > limits::EXPRESSION_TOKENS_MAX
        {
            return Err(format!(
                "An expression is too long or nested too deep: at most {} words and signs, {BRACKETS_MAX} brackets inside each other and \
                 {BRANCHES_MAX} of `if`, `else`, `not`, `-` in a row; split it into tasks.",
                limits::EXPRESSION_TOKENS_MAX
            ));
        }
        if tags > limits::TEMPLATE_TAGS_MAX {
            return Err(format!(
                "A text can hold at most {} tags `{{% … %}}`.",
                limits::TEMPLATE_TAGS_MAX
            ));
        }
    }
    Ok(())
}

fn refused_tag(name: &str) -> Result<(), String> {
    let reason = match name {
        "include" | "import" | "from" | "extends" | "block" => "every text stands alone",
        "macro" | "call" => "use a task whose output others read",
        _ => return Ok(()),
    };
    Err(format!("`{{% {name} %}}` is not available: {reason}."))
}

fn parse_sentence(text: &str, error: &Error) -> String {
    let detail = error.detail().unwrap_or("it is not complete");
    let place = match error.range() {
        Some(range) => {
            let before = text.get(..range.start.min(text.len())).unwrap_or_default();
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            match before.matches('\n').count() {
                0 => format!(" at character {column}"),
                lines => format!(" at line {}, character {column}", lines + 1),
            }
        }
        None => String::new(),
    };
    let hint = if detail.contains("comment") {
        " A plain `{#` is written `{{ '{#' }}`."
    } else {
        ""
    };
    format!("The expression cannot be read{place}: {detail}.{hint}")
}
