//! The macro `kinds!`, which declares all choices of one kind, such as all layers.

/// Implements `Choice` for an enum of settings structs.
///
/// With `=> dyn Trait`, `view()` returns the settings as that trait. Other crates can register items of an
/// `open` enum; with `adds dyn Trait` registered items implement that trait, and built-in ones need not.
macro_rules! kinds {
    (
        $(#[$doc:meta])*
        pub open enum $choice:ident: $noun:literal => dyn $view:path {
            $($(#[$item_doc:meta])* $variant:ident: $name:literal => $settings:ty,)+
        }
    ) => {
        $crate::domain::choice_config::kinds! {
            $(#[$doc])*
            pub open enum $choice: $noun adds dyn $view {
                $($(#[$item_doc])* $variant: $name => $settings,)+
            }
        }

        impl $choice {
            /// The settings as the trait that all items implement.
            pub fn view(&self) -> &dyn $view {
                match self {
                    $(Self::$variant(settings) => settings,)+
                    Self::Registered(other) => other.view(),
                }
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub open enum $choice:ident: $noun:literal adds dyn $view:path {
            $($(#[$item_doc:meta])* $variant:ident: $name:literal => $settings:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $choice {
            $(
                $(#[$item_doc])*
                #[doc = concat!("`", $name, "` in YAML.")]
                $variant($settings),
            )+
            /// An item of another crate.
            Registered($crate::domain::registry::Registered<dyn $view>),
        }

        impl $choice {
            const REGISTRY: &'static $crate::domain::registry::Registry<dyn $view> = {
                static REGISTRY: $crate::domain::registry::Registry<dyn $view> =
                    $crate::domain::registry::Registry::new(
                        &[$($name),+],
                        &[$(($name, <$settings as $crate::domain::choice_config::Settings>::EXAMPLE)),+],
                    );
                &REGISTRY
            };

            /// Registers an item of the crate `origin` (name and version) for the rest of the process.
            ///
            /// # Errors
            ///
            /// If the name is invalid or already taken.
            pub fn register<S>(
                name: &'static str,
                origin: &'static str,
            ) -> Result<(), $crate::domain::registry::RegistrationError>
            where
                S: $view
                    + $crate::domain::choice_config::Settings
                    + serde::Serialize
                    + schemars::JsonSchema
                    + 'static,
            {
                let item = $crate::domain::registry::Item::from_settings::<S>(name, origin, |node| {
                    let (settings, config) = $crate::domain::registry::read::<S>(node)?;
                    let settings: std::sync::Arc<dyn $view> = std::sync::Arc::new(settings);
                    Ok((settings, config))
                });
                Self::REGISTRY.add($noun, item)
            }

            /// Name and crate of every registered item.
            pub fn registered() -> Vec<(&'static str, &'static str)> {
                Self::REGISTRY.items().into_iter().map(|item| (item.name, item.origin)).collect()
            }

            /// The crate that registered the item; `None` for built-in items.
            pub fn origin(&self) -> Option<&'static str> {
                match self {
                    Self::Registered(other) => Some(other.origin()),
                    _ => None,
                }
            }
        }

        impl $crate::domain::choice_config::Choice for $choice {
            const NOUN: &'static str = $noun;

            fn names() -> &'static [&'static str] {
                Self::REGISTRY.names()
            }

            fn examples() -> &'static [(&'static str, &'static str)] {
                Self::REGISTRY.examples()
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                    Self::Registered(other) => other.name(),
                }
            }

            fn bare_field(name: &str) -> Option<&'static str> {
                match name {
                    $($name => <$settings as $crate::domain::choice_config::Settings>::BARE,)+
                    other => Self::REGISTRY.find(other)?.bare,
                }
            }

            fn settings_schema(
                name: &str,
                generator: &mut schemars::SchemaGenerator,
            ) -> Option<schemars::Schema> {
                match name {
                    $($name => Some(generator.subschema_for::<$settings>()),)+
                    other => Some((Self::REGISTRY.find(other)?.schema)(generator)),
                }
            }

            fn read<'de, D: serde::Deserializer<'de>>(name: &str, settings: D) -> Result<Self, D::Error> {
                match name {
                    $($name => <$settings as serde::Deserialize>::deserialize(settings)
                        .map(Self::$variant),)+
                    other => match Self::REGISTRY.find(other) {
                        Some(item) => item.read(settings).map(Self::Registered),
                        None => Err(serde::de::Error::unknown_variant(other, Self::names())),
                    },
                }
            }
        }

        impl serde::Serialize for $choice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(settings) => {
                        $crate::domain::choice_config::write_choice($name, settings, serializer)
                    })+
                    Self::Registered(other) => other.serialize(serializer),
                }
            }
        }

        impl schemars::JsonSchema for $choice {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($choice).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut choices = vec![$((
                    $name,
                    generator.subschema_for::<$settings>(),
                    <$settings as $crate::domain::choice_config::Settings>::BARE,
                )),+];
                for item in Self::REGISTRY.items() {
                    choices.push((item.name, (item.schema)(generator), item.bare));
                }
                $crate::domain::choice_config::choice_schema($noun, choices, generator)
            }
        }

        impl<'de> serde::Deserialize<'de> for $choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::domain::choice_config::read_choice(deserializer)
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub enum $choice:ident: $noun:literal => dyn $view:path {
            $($(#[$item_doc:meta])* $variant:ident: $name:literal => $settings:ty,)+
        }
    ) => {
        $crate::domain::choice_config::kinds! {
            $(#[$doc])*
            pub enum $choice: $noun {
                $($(#[$item_doc])* $variant: $name => $settings,)+
            }
        }

        impl $choice {
            /// The settings as the trait that all items implement.
            pub fn view(&self) -> &dyn $view {
                match self {
                    $(Self::$variant(settings) => settings,)+
                }
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub enum $choice:ident: $noun:literal {
            $($(#[$item_doc:meta])* $variant:ident: $name:literal => $settings:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $choice {
            $(
                $(#[$item_doc])*
                #[doc = concat!("`", $name, "` in YAML.")]
                $variant($settings),
            )+
        }

        impl $crate::domain::choice_config::Choice for $choice {
            const NOUN: &'static str = $noun;

            fn names() -> &'static [&'static str] {
                &[$($name),+]
            }

            fn examples() -> &'static [(&'static str, &'static str)] {
                &[$(($name, <$settings as $crate::domain::choice_config::Settings>::EXAMPLE)),+]
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            fn bare_field(name: &str) -> Option<&'static str> {
                match name {
                    $($name => <$settings as $crate::domain::choice_config::Settings>::BARE,)+
                    _ => None,
                }
            }

            fn settings_schema(
                name: &str,
                generator: &mut schemars::SchemaGenerator,
            ) -> Option<schemars::Schema> {
                match name {
                    $($name => Some(generator.subschema_for::<$settings>()),)+
                    _ => None,
                }
            }

            fn read<'de, D: serde::Deserializer<'de>>(name: &str, settings: D) -> Result<Self, D::Error> {
                match name {
                    $($name => <$settings as serde::Deserialize>::deserialize(settings)
                        .map(Self::$variant),)+
                    other => Err(serde::de::Error::unknown_variant(other, Self::names())),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::domain::choice_config::read_choice(deserializer)
            }
        }

        impl serde::Serialize for $choice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(settings) => {
                        $crate::domain::choice_config::write_choice($name, settings, serializer)
                    })+
                }
            }
        }

        impl schemars::JsonSchema for $choice {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($choice).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let choices = vec![$((
                    $name,
                    generator.subschema_for::<$settings>(),
                    <$settings as $crate::domain::choice_config::Settings>::BARE,
                )),+];
                $crate::domain::choice_config::choice_schema($noun, choices, generator)
            }
        }
    };
}

pub(crate) use kinds;
