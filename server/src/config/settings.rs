//! The macro that declares keys: struct, defaults and documentation from the same lines.

/// What values a key takes, for flags and environment variables, which are plain text.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text (also addresses, paths and words from a list).
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Decimal numbers, separated by commas.
    Numbers,
    /// Texts, separated by commas.
    TextList,
    /// A table of keys.
    Section(&'static [Key]),
}

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its last word.
    pub name: &'static str,
    /// What it means, one sentence or more.
    pub doc: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// A value in TOML, for keys that have no default.
    pub example: &'static str,
}

/// Declares a struct of settings with its `Default` and its table of [`Key`]s.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $( $(#[doc = $doc:literal])+ $key:ident : $type:ty = $default:expr, $kind:expr, $example:literal; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $type, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $name {
            /// Its keys, in order.
            pub const KEYS: &'static [Key] = &[ $( Key {
                name: stringify!($key),
                doc: concat!($($doc, "\n"),+),
                kind: $kind,
                example: $example,
            }, )+ ];
        }
    };
}

pub(super) use settings;

/// Every leaf key with its dotted path, in order.
pub(super) fn leaves() -> Vec<(String, &'static Key)> {
    fn walk(prefix: &str, keys: &'static [Key], into: &mut Vec<(String, &'static Key)>) {
        for key in keys {
            let path = if prefix.is_empty() { key.name.to_owned() } else { format!("{prefix}.{}", key.name) };
            match key.kind {
                Kind::Section(keys) => walk(&path, keys, into),
                _ => into.push((path, key)),
            }
        }
    }
    let mut leaves = Vec::new();
    walk("", super::Config::KEYS, &mut leaves);
    leaves
}
