//! The sharing `cross_stitch`: see [`CrossStitchConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::mode::Mode;
use crate::model::sharing::block::{block_shapes, refuse_tied_embeddings};
use crate::model::sharing::column::{ColumnUnits, ColumnsConfig};
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{Init, Parameter, Weights};

/// Cross-stitch networks (Misra, Shrivastava, Gupta & Hebert, CVPR 2016): one column of the trunk's layers
/// per task, with linear mixing units between their blocks.
///
/// The input of each block but the first is x_i = sum_j A_ij y_j, with y_j the output of column j's previous
/// block and A `[tasks, tasks]` the learned weights of the unit. The diagonal of A is initialized to `own`;
/// the other entries of a row share the rest equally. Each unit's A is reported after every epoch. A block
/// starts at a layer that learns a representation, and includes the activations, normalizations, pools and
/// dropouts after it.
///
/// A task that reads `from` a mark reads its own column there. An input's `encoder` comes before the columns
/// and is shared by all tasks.
///
/// ```yaml
/// sharing: {cross_stitch: {own: 0.9}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossStitchConfig {
    /// Initial weight of a column's own output; the others share the rest. Default 0.9.
    #[serde(default = "default_own")]
    pub own: Fraction,
}

impl Settings for CrossStitchConfig {
    const BARE: Option<&'static str> = Some("own");
    const EXAMPLE: &'static str = "{cross_stitch: {own: 0.9}}";
}

fn default_own() -> Fraction {
    Fraction::constant(0.9)
}

impl BuildSharing for CrossStitchConfig {
    fn check(&self, trunk: &[LayerConfig], input: Shape) -> ModelResult<(), String> {
        refuse_tied_embeddings(trunk)?;
        block_shapes(trunk, input, |shape| shape).map(drop)
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let own = self.own.get() as f32;
        let units = |names: &[String], columns: usize, weights: &mut Weights| {
            LinearUnits::build(names, columns, own, weights)
        };
        ColumnsConfig { units: Some(&units), ..ColumnsConfig::PLAIN }.build(body, weights)
    }
}

/// Mixing units that are learned matrices.
pub struct LinearUnits {
    columns: usize,
    /// A of each unit, `[columns x columns]`.
    units: Vec<Parameter>,
}

impl LinearUnits {
    /// One matrix per name: `own` on the diagonal, the rest of each row shared equally.
    pub fn build(
        names: &[String],
        columns: usize,
        own: f32,
        weights: &mut Weights,
    ) -> ModelResult<Box<dyn ColumnUnits>> {
        let entry = |index: usize| match index / columns == index % columns {
            true if columns == 1 => 1.0,
            true => own,
            false => (1.0 - own) / (columns - 1) as f32,
        };
        let init: Vec<f32> = (0..columns * columns).map(entry).collect();
        let unit = |name: &String| {
            // One-dimensional, because weight decay applies to matrices and would shrink the mixtures.
            weights.parameter(&format!("{name}.unit"), &[columns * columns], Init::Given(init.clone()))
        };
        Ok(Box::new(Self { columns, units: names.iter().map(unit).collect::<ModelResult<_>>()? }))
    }
}

impl ColumnUnits for LinearUnits {
    fn matrix(&self, unit: usize, _: &Mode) -> ModelResult<Tensor> {
        Ok(self.units[unit].tensor().reshape((self.columns, self.columns))?)
    }

    fn name(&self, unit: usize) -> &str {
        self.units[unit].name()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use serde_json::json;

    use crate::domain::shape::Shape;
    use crate::model::mode::Mode;
    use crate::model::sharing::{Body, SharingConfig, TaskReader, example};
    use crate::model::weights::{Weights, host};

    /// Two blocks of one number: y_j = w_j x, x_i = sum_j A_ij y_j, z_i = v_i x_i, by hand:
    /// x = 2, w = 1 10, y = 2 20; x = .9 2 + .1 20 = 3.8 and .3 2 + .5 20 = 10.6; v = 5 7, z = 19 74.2.
    #[test]
    fn by_its_definition() {
        let config: SharingConfig = serde_json::from_value(json!("cross_stitch")).unwrap();
        let trunk = json!([
            {"dense": {"units": 1, "bias": false}}, {"mark": "m"}, {"dense": {"units": 1, "bias": false}}
        ]);
        let trunk: Vec<_> = serde_json::from_value(trunk).unwrap();
        let mut weights = Weights::new(0, &Device::Cpu);
        let mark = Some(serde_json::from_value(json!("m")).unwrap());
        let tasks =
            [TaskReader { name: "a".into(), from: None }, TaskReader { name: "b".into(), from: None }];
        let body = Body { input: Shape::vector(1), trunk: &trunk, tasks: &tasks };
        let sharing = config.view().build(&body, &mut weights).unwrap();
        let find = |name: &str| weights.iter().find(|weight| weight.name == name).expect(name).var.clone();
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        let initial = host(&find("sharing.1.unit")).unwrap();
        assert!(initial.iter().zip([0.9, 0.1, 0.1, 0.9]).all(|(a, b)| (a - b).abs() < 1e-6), "{initial:?}");
        for (name, value) in [("a.0", 1.0), ("b.0", 10.0), ("a.2", 5.0), ("b.2", 7.0)] {
            set(&format!("trunk.{name}.dense.weight"), &[value]);
        }
        set("sharing.1.unit", &[0.9, 0.1, 0.3, 0.5]);
        let x = example::row(&[2.0]);
        let z = example::read(&*sharing, &x, &[0, 1]).concat();
        assert!((z[0] - 19.0).abs() < 1e-5 && (z[1] - 74.2).abs() < 1e-4, "{z:?}");
        let shares = sharing.shares(&x, &Mode::evaluate(), &[0, 1]).unwrap();
        assert_eq!(shares[2].unit, "unit behind 1.mark");
        assert_eq!((shares[2].reader.as_str(), shares[2].source.as_str()), ("b", "a"));

        // A task that reads the mark reads its own column before any mixing.
        let tasks = [tasks[0].clone(), TaskReader { name: "b".into(), from: mark }];
        let body = Body { input: Shape::vector(1), trunk: &trunk, tasks: &tasks };
        let mut weights = Weights::new(0, &Device::Cpu);
        let sharing = config.view().build(&body, &mut weights).unwrap();
        assert!(sharing.uses(&[1], "trunk.b.0.dense.weight") && !sharing.uses(&[1], "sharing.1.unit"));
        assert!(
            !sharing.uses(&[1], "trunk.a.0.dense.weight") && sharing.uses(&[0], "trunk.b.0.dense.weight")
        );
    }

    #[test]
    fn other_columns_share_the_rest_equally() {
        let trunk = json!([{"dense": 2}, {"dense": 2}]);
        let (_, weights) = example::build(json!({"cross_stitch": 0.7}), 1, trunk, &["a", "b", "c"]);
        let unit = weights.iter().find(|weight| weight.name == "sharing.0.unit").unwrap();
        let unit = host(&unit.var).unwrap();
        assert!((unit[0] - 0.7).abs() < 1e-6 && (unit[1] - 0.15).abs() < 1e-6, "{unit:?}");
    }
}
