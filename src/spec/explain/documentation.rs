//! The documentation of choices, as data.

/// The documentation of one choice, such as a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// `a layer`
    pub kind: String,
    /// Name as written in YAML.
    pub name: String,
    /// What it is, with its formula and paper.
    pub about: String,
    /// The settings in the order of the schema.
    pub settings: Vec<SettingDoc>,
    /// The setting that a bare value sets.
    pub bare: Option<String>,
    /// An example in YAML.
    pub example: String,
}

/// The documentation of one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingDoc {
    /// Name as written in YAML.
    pub name: String,
    /// The accepted values, such as `number in [0, 1)`.
    pub kind: String,
    /// The default in YAML; `None` for required settings, and where the text describes the default.
    pub default: Option<String>,
    /// Whether it has no default.
    pub required: bool,
    /// Description, from its doc comment.
    pub about: String,
}
