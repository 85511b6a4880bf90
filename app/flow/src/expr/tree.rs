//! The syntax tree of a text, checked and built again so that it can be metered.
//!
//! The engine's tree cannot be changed in place, so each node is made anew: operators and subscripts that can take more than
//! constant time become calls of the functions in [`super::ops`], whose names no author can write. On the way every use of a
//! name of the scope is noted.

use std::ops::Range;

use minijinja::Value;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{
    BinOp, BinOpKind, Call, CallArg, Compare, CompareOpKind, Const, EmitExpr, EmitRaw, Expr, Filter, ForLoop,
    GetAttr, GetItem, IfCond, IfExpr, List, Map, Set, Spanned, Stmt, Template, Test, UnaryOp, UnaryOpKind,
    Var, WithBlock,
};

use super::refs::{Mention, Step};
use super::{filters, ops};
use crate::limits;
use crate::suggest::Suggester;

/// Builds trees again; `'s` is the text they stand in.
pub(super) struct Builder<'s, 'w> {
    words: &'w Suggester,
    scopes: Vec<Vec<&'s str>>,
    depth: usize,
    loops: usize,
    names: usize,
    /// What `x if condition` gives without an `else`.
    otherwise: Value,
    /// Uses of the scope's names, in order.
    pub(super) mentions: Vec<Mention>,
    /// What cannot be accepted, as sentences.
    pub(super) faults: Vec<String>,
}

impl<'s, 'w> Builder<'s, 'w> {
    /// For an expression on its own (`is_text: false`) or inside a text.
    pub(super) fn new(is_text: bool, words: &'w Suggester) -> Self {
        let otherwise = if is_text { Value::from("") } else { Value::from(()) };
        Self {
            words,
            scopes: vec![Vec::new()],
            depth: 0,
            loops: 0,
            names: 0,
            otherwise,
            mentions: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.faults.contains(&sentence) {
            self.faults.push(sentence);
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(&name))
    }

    fn declare(&mut self, target: &Expr<'s>) {
        match target {
            Expr::Var(var) => {
                self.names += 1;
                if self.names > limits::TEMPLATE_NAMES_MAX {
                    self.fault(format!(
                        "A text can set at most {} names.",
                        limits::TEMPLATE_NAMES_MAX
                    ));
                }
                if let Some(scope) = self.scopes.last_mut() {
                    scope.push(var.id);
                }
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.declare(item)),
            _ => self.fault("Only a plain name can be set."),
        }
    }

    /// The expression built again.
    pub(super) fn expr(&mut self, expr: &Expr<'s>) -> Expr<'s> {
        self.nested(expr, false)
    }

    fn boxed(&mut self, expr: Option<&Expr<'s>>) -> Option<Expr<'s>> {
        expr.map(|expr| self.expr(expr))
    }

    fn nested(&mut self, expr: &Expr<'s>, is_optional: bool) -> Expr<'s> {
        if self.depth >= limits::EXPRESSION_DEPTH_MAX {
            self.fault(format!(
                "It is nested deeper than {} levels; split it with `{{% set %}}` or into tasks.",
                limits::EXPRESSION_DEPTH_MAX
            ));
            return constant(Value::from(()), expr.span());
        }
        self.depth += 1;
        let built = self.node(expr, is_optional);
        self.depth -= 1;
        built
    }

    fn node(&mut self, expr: &Expr<'s>, is_optional: bool) -> Expr<'s> {
        if let Some((root, path)) = chain(expr)
            && !self.is_local(root)
        {
            self.mentions.push(Mention {
                root: root.to_owned(),
                path,
                is_optional,
                first: first_step(expr),
            });
            return self.plain_chain(expr);
        }
        let span = expr.span();
        match expr {
            Expr::Var(var) => Expr::Var(Spanned::new(Var { id: var.id }, span)),
            Expr::Const(value) => constant(value.value.clone(), span),
            Expr::Slice(slice) => {
                let parts = [slice.start.as_ref(), slice.stop.as_ref(), slice.step.as_ref()];
                let mut args = vec![self.expr(&slice.expr)];
                args.extend(parts.map(|part| {
                    self.boxed(part)
                        .unwrap_or_else(|| constant(Value::from(()), span))
                }));
                call(ops::SLICE, args, span)
            }
            Expr::UnaryOp(unary) => {
                let is_not = matches!(unary.op, UnaryOpKind::Not);
                let op = if is_not {
                    UnaryOpKind::Not
                } else {
                    UnaryOpKind::Neg
                };
                Expr::UnaryOp(Spanned::new(
                    UnaryOp {
                        op,
                        expr: self.expr(&unary.expr),
                    },
                    span,
                ))
            }
            Expr::BinOp(binary) => self.binary(binary, span),
            Expr::Compare(compare) => self.compare(compare, span),
            Expr::IfExpr(choice) => {
                let otherwise = self.otherwise.clone();
                let node = IfExpr {
                    test_expr: self.expr(&choice.test_expr),
                    true_expr: self.expr(&choice.true_expr),
                    false_expr: Some(
                        self.boxed(choice.false_expr.as_ref())
                            .unwrap_or_else(|| constant(otherwise, span)),
                    ),
                };
                Expr::IfExpr(Spanned::new(node, span))
            }
            Expr::Filter(filter) => self.filter(filter, span),
            Expr::Test(test) => self.test(test, span),
            Expr::GetAttr(get) => {
                let node = GetAttr {
                    expr: self.nested(&get.expr, false),
                    name: get.name,
                };
                Expr::GetAttr(Spanned::new(node, span))
            }
            Expr::GetItem(get) => {
                let base = self.expr(&get.expr);
                match text_constant(&get.subscript_expr) {
                    Some(key) => item(base, key, span),
                    None => {
                        let key = self.expr(&get.subscript_expr);
                        call(ops::ITEM, vec![base, key], span)
                    }
                }
            }
            Expr::Call(called) => self.call(called, span),
            Expr::List(list) => self.list(&list.items, span),
            // A tuple would not compare equal to a list, and JSON has only lists.
            Expr::Tuple(tuple) => self.list(&tuple.items, span),
            Expr::Map(map) => {
                let keys = map.keys.iter().map(|key| match text_constant(key) {
                    Some(text) => constant(Value::from(text), key.span()),
                    None => {
                        let key = self.expr(key);
                        let span = key.span();
                        call(ops::KEY, vec![key], span)
                    }
                });
                let keys = keys.collect();
                let values = map.values.iter().map(|value| self.expr(value)).collect();
                Expr::Map(Spanned::new(Map { keys, values }, span))
            }
        }
    }

    fn list(&mut self, items: &[Expr<'s>], span: Span) -> Expr<'s> {
        let items = items.iter().map(|item| self.expr(item)).collect();
        Expr::List(Spanned::new(List { items }, span))
    }

    /// A chain of literal fields, which has been noted as a whole.
    fn plain_chain(&mut self, expr: &Expr<'s>) -> Expr<'s> {
        if self.depth >= 2 * limits::EXPRESSION_DEPTH_MAX {
            self.fault("It goes through too many fields.");
            return constant(Value::from(()), expr.span());
        }
        self.depth += 1;
        let built = match expr {
            Expr::Var(var) => Expr::Var(Spanned::new(Var { id: var.id }, var.span())),
            Expr::GetAttr(get) => {
                let node = GetAttr {
                    expr: self.plain_chain(&get.expr),
                    name: get.name,
                };
                Expr::GetAttr(Spanned::new(node, get.span()))
            }
            Expr::GetItem(get) => {
                let base = self.plain_chain(&get.expr);
                match step_constant(&get.subscript_expr) {
                    Some(Step::Field(key)) => item(base, &key, get.span()),
                    Some(Step::Place(place)) => call(
                        ops::ITEM,
                        vec![base, constant(Value::from(place), get.span())],
                        get.span(),
                    ),
                    None => self.node(expr, false),
                }
            }
            other => self.node(other, false),
        };
        self.depth -= 1;
        built
    }

    fn binary(&mut self, binary: &BinOp<'s>, span: Span) -> Expr<'s> {
        let (left, right) = (self.expr(&binary.left), self.expr(&binary.right));
        let name = match binary.op {
            BinOpKind::Add => "+",
            BinOpKind::Mul => "*",
            BinOpKind::Concat => "~",
            BinOpKind::Eq => "==",
            BinOpKind::Ne => "!=",
            BinOpKind::Lt => "<",
            BinOpKind::Lte => "<=",
            BinOpKind::Gt => ">",
            BinOpKind::Gte => ">=",
            BinOpKind::In => "in",
            // These work on numbers only, or do not touch what their operands hold.
            op @ (BinOpKind::ScAnd
            | BinOpKind::ScOr
            | BinOpKind::Sub
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow) => return Expr::BinOp(Spanned::new(BinOp { op, left, right }, span)),
        };
        call(name, vec![left, right], span)
    }

    fn compare(&mut self, compare: &Compare<'s>, span: Span) -> Expr<'s> {
        let mut args = vec![self.expr(&compare.expr)];
        if let [only] = compare.ops.as_slice() {
            args.push(self.expr(&only.expr));
            return call(sign(only.op), args, span);
        }
        for op in &compare.ops {
            args.push(constant(Value::from(sign(op.op)), span));
            args.push(self.expr(&op.expr));
        }
        call(ops::CHAIN, args, span)
    }

    fn filter(&mut self, filter: &Filter<'s>, span: Span) -> Expr<'s> {
        if !filters::is_filter(filter.name) {
            let near = self.words.did_you_mean(filter.name, filters::names());
            self.fault(format!("There is no filter `{}`{near}.", filter.name));
        }
        let may_miss = matches!(filter.name, "default" | "d");
        let node = Filter {
            name: filter.name,
            expr: filter.expr.as_ref().map(|expr| self.nested(expr, may_miss)),
            args: self.args(&filter.args),
        };
        Expr::Filter(Spanned::new(node, span))
    }

    fn test(&mut self, test: &Test<'s>, span: Span) -> Expr<'s> {
        if !filters::is_test(test.name) {
            let near = self.words.did_you_mean(test.name, filters::test_names());
            self.fault(format!("There is no test `is {}`{near}.", test.name));
        }
        let may_miss = matches!(test.name, "defined" | "undefined");
        let node = Test {
            name: test.name,
            expr: self.nested(&test.expr, may_miss),
            args: self.args(&test.args),
        };
        Expr::Test(Spanned::new(node, span))
    }

    fn args(&mut self, args: &[CallArg<'s>]) -> Vec<CallArg<'s>> {
        let mut built = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                CallArg::Pos(expr) => built.push(CallArg::Pos(self.expr(expr))),
                CallArg::Kwarg(name, expr) => built.push(CallArg::Kwarg(name, self.expr(expr))),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    self.fault("Arguments cannot be unpacked with `*` or `**` here.")
                }
            }
        }
        built
    }

    fn call(&mut self, called: &Call<'s>, span: Span) -> Expr<'s> {
        match &called.expr {
            Expr::Var(var) if ops::FUNCTIONS.contains(&var.id) && !self.is_local(var.id) => {
                let function = Expr::Var(Spanned::new(Var { id: var.id }, var.span()));
                Expr::Call(Spanned::new(
                    Call {
                        expr: function,
                        args: self.args(&called.args),
                    },
                    span,
                ))
            }
            Expr::Var(var) => {
                self.fault(format!(
                    "There is no function `{}()`; there are {}. Filters are written `value | name`.",
                    var.id,
                    ops::FUNCTIONS.map(|name| format!("`{name}()`")).join(" and ")
                ));
                constant(Value::from(()), span)
            }
            Expr::GetAttr(get) => {
                self.fault(format!(
                    "Values have no methods such as `.{0}()`; use a filter: `value | {0}`.",
                    get.name
                ));
                constant(Value::from(()), span)
            }
            _ => {
                self.fault("A value cannot be called.");
                constant(Value::from(()), span)
            }
        }
    }

    /// A whole text built again.
    pub(super) fn template(&mut self, children: &[Stmt<'s>], span: Span) -> Stmt<'s> {
        Stmt::Template(Spanned::new(
            Template {
                children: self.stmts(children),
            },
            span,
        ))
    }

    fn stmts(&mut self, stmts: &[Stmt<'s>]) -> Vec<Stmt<'s>> {
        stmts.iter().filter_map(|stmt| self.stmt(stmt)).collect()
    }

    fn scoped(&mut self, stmts: &[Stmt<'s>]) -> Vec<Stmt<'s>> {
        self.scopes.push(Vec::new());
        let built = self.stmts(stmts);
        self.scopes.pop();
        built
    }

    fn stmt(&mut self, stmt: &Stmt<'s>) -> Option<Stmt<'s>> {
        Some(match stmt {
            Stmt::Template(template) => self.template(&template.children, template.span()),
            Stmt::EmitExpr(emit) => Stmt::EmitExpr(Spanned::new(
                EmitExpr {
                    expr: self.expr(&emit.expr),
                },
                emit.span(),
            )),
            // Text inside a loop is written by the formatter, which counts it; outside it stands there once.
            Stmt::EmitRaw(raw) if self.loops > 0 => Stmt::EmitExpr(Spanned::new(
                EmitExpr {
                    expr: constant(Value::from(raw.raw), raw.span()),
                },
                raw.span(),
            )),
            Stmt::EmitRaw(raw) => Stmt::EmitRaw(Spanned::new(EmitRaw { raw: raw.raw }, raw.span())),
            Stmt::ForLoop(each) => self.for_loop(each, each.span()),
            Stmt::IfCond(choice) => {
                let node = IfCond {
                    expr: self.expr(&choice.expr),
                    true_body: self.stmts(&choice.true_body),
                    false_body: self.stmts(&choice.false_body),
                };
                Stmt::IfCond(Spanned::new(node, choice.span()))
            }
            Stmt::WithBlock(with) => {
                self.scopes.push(Vec::new());
                let mut assignments = Vec::with_capacity(with.assignments.len());
                for (target, value) in &with.assignments {
                    let value = self.expr(value);
                    self.declare(target);
                    assignments.push((plain_target(target), value));
                }
                let body = self.stmts(&with.body);
                self.scopes.pop();
                Stmt::WithBlock(Spanned::new(WithBlock { assignments, body }, with.span()))
            }
            Stmt::Set(set) => {
                let value = self.expr(&set.expr);
                self.declare(&set.target);
                Stmt::Set(Spanned::new(
                    Set {
                        target: plain_target(&set.target),
                        expr: value,
                    },
                    set.span(),
                ))
            }
            Stmt::SetBlock(_) => {
                return self.refuse("{% set name %}…{% endset %}", "use `{% set name = … %}`");
            }
            Stmt::AutoEscape(_) => return self.refuse("{% autoescape %}", "nothing is escaped"),
            Stmt::FilterBlock(_) => return self.refuse("{% filter %}", "use `{{ value | filter }}`"),
            Stmt::Do(_) => return self.refuse("{% do %}", "expressions change nothing"),
        })
    }

    fn refuse(&mut self, tag: &str, instead: &str) -> Option<Stmt<'s>> {
        self.fault(format!("`{tag}` is not available: {instead}."));
        None
    }

    fn for_loop(&mut self, each: &ForLoop<'s>, span: Span) -> Stmt<'s> {
        if each.recursive {
            self.fault("Recursive loops are not available.");
        }
        let iter = self.expr(&each.iter);
        let at = iter.span();
        self.scopes.push(vec!["loop"]);
        self.declare(&each.target);
        let filter_expr = self.boxed(each.filter_expr.as_ref());
        self.loops += 1;
        let body = self.stmts(&each.body);
        self.loops -= 1;
        self.scopes.pop();
        let node = ForLoop {
            target: plain_target(&each.target),
            iter: call(ops::EACH, vec![iter], at),
            filter_expr,
            recursive: false,
            body,
            else_body: self.scoped(&each.else_body),
        };
        Stmt::ForLoop(Spanned::new(node, span))
    }
}

/// The root name and the literal steps of `root.a['b'][0].c`.
fn chain<'s>(expr: &Expr<'s>) -> Option<(&'s str, Vec<Step>)> {
    let mut path = Vec::new();
    let mut at = expr;
    loop {
        match at {
            Expr::Var(var) => {
                path.reverse();
                return Some((var.id, path));
            }
            Expr::GetAttr(get) => {
                path.push(Step::Field(get.name.to_owned()));
                at = &get.expr;
            }
            Expr::GetItem(get) => {
                path.push(step_constant(&get.subscript_expr)?);
                at = &get.expr;
            }
            _ => return None,
        }
    }
}

/// Where the step next to the root stands.
fn first_step(expr: &Expr<'_>) -> Option<Range<usize>> {
    let mut at = expr;
    loop {
        let base = match at {
            Expr::GetAttr(get) => &get.expr,
            Expr::GetItem(get) => &get.expr,
            _ => return None,
        };
        if let Expr::Var(root) = base {
            return Some(root.span().end_offset as usize..at.span().end_offset as usize);
        }
        at = base;
    }
}

fn text_constant<'e>(expr: &'e Expr<'_>) -> Option<&'e str> {
    match expr {
        Expr::Const(value) => value.value.as_str(),
        _ => None,
    }
}

fn step_constant(expr: &Expr<'_>) -> Option<Step> {
    match expr {
        Expr::Const(value) if value.value.is_integer() => {
            u64::try_from(value.value.clone()).ok().map(Step::Place)
        }
        other => text_constant(other).map(|field| Step::Field(field.to_owned())),
    }
}

fn constant<'s>(value: Value, span: Span) -> Expr<'s> {
    Expr::Const(Spanned::new(Const { value }, span))
}

fn item<'s>(base: Expr<'s>, key: &str, span: Span) -> Expr<'s> {
    Expr::GetItem(Spanned::new(
        GetItem {
            expr: base,
            subscript_expr: constant(Value::from(key), span),
        },
        span,
    ))
}

fn call<'s>(name: &'static str, args: Vec<Expr<'s>>, span: Span) -> Expr<'s> {
    let function = Expr::Var(Spanned::new(Var { id: name }, span));
    Expr::Call(Spanned::new(
        Call {
            expr: function,
            args: args.into_iter().map(CallArg::Pos).collect(),
        },
        span,
    ))
}

fn plain_target<'s>(target: &Expr<'s>) -> Expr<'s> {
    match target {
        Expr::List(list) => Expr::List(Spanned::new(
            List {
                items: list.items.iter().map(plain_target).collect(),
            },
            list.span(),
        )),
        Expr::Var(var) => Expr::Var(Spanned::new(Var { id: var.id }, var.span())),
        // A fault has been noted; the tree is not run.
        other => Expr::Var(Spanned::new(Var { id: "unknown" }, other.span())),
    }
}

fn sign(op: CompareOpKind) -> &'static str {
    match op {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}
