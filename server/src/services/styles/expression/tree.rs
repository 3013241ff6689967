//! An expression that has been read.

use std::collections::HashMap;
use std::sync::Arc;

use super::kind::Kind;
use super::value::Value;

/// Shared, since a variable stands for the expression that it is bound to.
pub type Tree = Arc<Expression>;

/// What an expression depends on.
#[allow(clippy::struct_excessive_bools)] // Each says one thing, and all may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// Properties, id or geometry of the feature.
    pub feature: bool,
    /// What a program says of the feature while the map is open.
    pub state: bool,
    /// The zoom.
    pub zoom: bool,
    /// What else is only known when the map is drawn.
    pub moment: bool,
}

impl Uses {
    /// What either depends on.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            feature: self.feature || other.feature,
            state: self.state || other.state,
            zoom: self.zoom || other.zoom,
            moment: self.moment || other.moment,
        }
    }
}

/// An expression with its kind.
#[derive(Debug)]
pub struct Expression {
    /// What it gives.
    pub kind: Kind,
    /// What it depends on, variables excepted: these count where they are bound.
    pub uses: Uses,
    /// Whether it always gives the same, variables included.
    pub(super) is_constant: bool,
    pub(super) node: Node,
}

/// The way from one value to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    /// By powers of the base; 1 is a straight line.
    Exponential(f64),
    /// CSS's cubic Bézier curve by two points.
    Bezier([f64; 4]),
}

/// A label of `match`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Label {
    Number(i64),
    Text(String),
}

#[derive(Debug)]
pub(super) enum Node {
    Literal(Value),
    Call(&'static str, Vec<Tree>),
    /// The first argument of the right kind.
    Assert(Vec<Tree>),
    /// The first argument that can be made of the right kind.
    Coerce(Vec<Tree>),
    At([Tree; 2]),
    In([Tree; 2]),
    IndexOf(Vec<Tree>),
    Slice(Vec<Tree>),
    Length(Tree),
    Case(Vec<[Tree; 2]>, Tree),
    Match {
        input: Tree,
        branches: HashMap<Label, usize>,
        outputs: Vec<Tree>,
        otherwise: Tree,
    },
    Coalesce(Vec<Tree>),
    Compare(&'static str, [Tree; 2], Option<Tree>),
    Step(Tree, Vec<(f64, Tree)>),
    Interpolate(Curve, Tree, Vec<(f64, Tree)>),
    Let(Vec<Tree>, Tree),
    Var(Tree),
    Format(Vec<Tree>, Vec<Tree>),
    Image(Tree),
    NumberFormat(Tree, Vec<(&'static str, Tree)>),
    Semiliteral(Vec<Tree>),
    /// What a program sets while the map is open, or a place that this server does not compare with.
    Unknown,
}

impl Node {
    /// The expressions in it; of a variable none.
    pub fn children(&self) -> Vec<&Tree> {
        match self {
            Self::Literal(_) | Self::Var(_) | Self::Unknown => Vec::new(),
            Self::Call(_, all)
            | Self::Assert(all)
            | Self::Coerce(all)
            | Self::IndexOf(all)
            | Self::Slice(all)
            | Self::Coalesce(all)
            | Self::Semiliteral(all) => all.iter().collect(),
            Self::At(both) | Self::In(both) => both.iter().collect(),
            Self::Compare(_, both, collator) => both.iter().chain(collator).collect(),
            Self::Length(one) | Self::Image(one) => vec![one],
            Self::NumberFormat(one, options) => {
                std::iter::once(one).chain(options.iter().map(|(_, option)| option)).collect()
            }
            Self::Case(branches, otherwise) => branches.iter().flatten().chain([otherwise]).collect(),
            Self::Match { input, outputs, otherwise, .. } => {
                std::iter::once(input).chain(outputs).chain([otherwise]).collect()
            }
            Self::Step(input, stops) | Self::Interpolate(_, input, stops) => {
                std::iter::once(input).chain(stops.iter().map(|(_, output)| output)).collect()
            }
            Self::Let(bound, result) => bound.iter().chain([result]).collect(),
            Self::Format(contents, options) => contents.iter().chain(options).collect(),
        }
    }
}

/// How the zoom is used by an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoomCurve {
    /// Not at all.
    None,
    /// As the input of the one outer `step`.
    Step,
    /// As the input of the one outer `interpolate`.
    Interpolate,
    /// As the input of a `step` or `interpolate` that is not the outer one.
    Inner,
    /// As the input of several.
    Several,
}

impl Expression {
    /// Puts a node together with what follows from its children.
    pub(super) fn new(kind: Kind, node: Node) -> Tree {
        let own = match &node {
            Node::Call("get" | "has", arguments) => Uses { feature: arguments.len() == 1, ..Uses::default() },
            Node::Call("properties" | "geometry-type" | "id", _) => Uses { feature: true, ..Uses::default() },
            Node::Call("feature-state", _) => Uses { feature: true, state: true, ..Uses::default() },
            Node::Call("zoom", _) => Uses { zoom: true, ..Uses::default() },
            Node::Call(
                "error" | "heatmap-density" | "elevation" | "line-progress" | "accumulated" | "is-supported-script",
                _,
            )
            | Node::Unknown => Uses { moment: true, ..Uses::default() },
            _ => Uses::default(),
        };
        let children = node.children();
        let uses = children.iter().fold(own, |uses, child| uses.and(child.uses));
        let is_constant = match &node {
            Node::Var(bound) => bound.is_constant,
            _ => own == Uses::default() && children.iter().all(|child| child.is_constant),
        };
        Arc::new(Self { kind, uses, is_constant, node })
    }

    /// A value as it is.
    pub(super) fn literal(value: Value) -> Tree {
        Self::new(value.kind(), Node::Literal(value))
    }

    /// How it uses the zoom: properties may only by one outer `step` or `interpolate`.
    pub fn zoom_curve(&self) -> ZoomCurve {
        let (own, others) = self.curves();
        match (own, others) {
            (curve, 0) => curve,
            (ZoomCurve::None, _) => ZoomCurve::Inner,
            _ => ZoomCurve::Several,
        }
    }

    /// The outer curve, and how many there are beside it.
    fn curves(&self) -> (ZoomCurve, usize) {
        let is_zoom = |input: &Tree| matches!(input.node, Node::Call("zoom", _));
        let count = |children: &[&Tree]| -> usize {
            let all = children.iter().map(|child| child.curves());
            all.map(|(own, others)| others + usize::from(own != ZoomCurve::None)).sum()
        };
        match &self.node {
            Node::Step(input, _) if is_zoom(input) => (ZoomCurve::Step, count(&self.node.children())),
            Node::Interpolate(_, input, _) if is_zoom(input) => (ZoomCurve::Interpolate, count(&self.node.children())),
            Node::Let(bound, result) => {
                let (own, others) = result.curves();
                (own, others + count(&bound.iter().collect::<Vec<_>>()))
            }
            Node::Coalesce(all) => {
                let found: Vec<_> = all.iter().map(|child| child.curves()).collect();
                let own = found.iter().map(|(own, _)| *own).find(|own| *own != ZoomCurve::None);
                let many = found.iter().filter(|(own, _)| *own != ZoomCurve::None).count().saturating_sub(1);
                (own.unwrap_or(ZoomCurve::None), many + found.iter().map(|(_, others)| others).sum::<usize>())
            }
            node => (ZoomCurve::None, count(&node.children())),
        }
    }

    /// Whether all that it can give stands in it as it is.
    pub fn gives_literals(&self) -> bool {
        match &self.node {
            Node::Literal(_) | Node::Compare(..) | Node::In(_) => true,
            Node::Case(branches, otherwise) => {
                branches.iter().all(|[_, output]| output.gives_literals()) && otherwise.gives_literals()
            }
            Node::Match { outputs, otherwise, .. } => {
                outputs.iter().all(|output| output.gives_literals()) && otherwise.gives_literals()
            }
            Node::Step(_, stops) | Node::Interpolate(_, _, stops) => {
                stops.iter().all(|(_, output)| output.gives_literals())
            }
            Node::Coalesce(all) | Node::Assert(all) | Node::Coerce(all) => all.iter().all(|one| one.gives_literals()),
            Node::Let(_, result) => result.gives_literals(),
            _ => false,
        }
    }
}
