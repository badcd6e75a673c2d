//! A network that reads features: what frozen layers compute of an input, in place of the input.

use std::sync::Arc;

use crate::domain::array::Array;
use crate::domain::name::InputName;
use crate::domain::table::EncodedTable;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::feature_store::FeatureStore;
use crate::model::input::PackedInputs;
use crate::model::mode::Mode;
use crate::model::network::Network;

impl Network {
    /// Makes the network read `features` in place of inputs, and pass over the layers that computed them. Its
    /// weights and its ONNX graph stay whole.
    pub fn read_features(&mut self, features: &Arc<FeatureStore>) {
        self.computed = features.parts();
        self.features = Some(Arc::clone(features));
    }

    /// Input tensors of a table's encoded rows, as [`Self::forward`] takes them; all rows if `rows` is
    /// `None`.
    pub fn input_tensors(&self, table: &EncodedTable, rows: Option<&[u32]>) -> ModelResult<Vec<Activations>> {
        let all: Vec<u32> = if rows.is_none() { (0..table.rows as u32).collect() } else { Vec::new() };
        let features = self.gather_features(table, rows.unwrap_or(&all))?;
        self.inputs.input_tensors(&table.inputs, &features, rows, self.device())
    }

    /// Like [`Self::input_tensors`], using the table's packed inputs.
    pub fn packed_input_tensors(
        &self,
        table: &EncodedTable,
        packed: &PackedInputs,
        rows: &[u32],
    ) -> ModelResult<Vec<Activations>> {
        let features = self.gather_features(table, rows)?;
        self.inputs.input_tensors_of(&table.inputs, packed, &features, Some(rows), self.device())
    }

    /// Input tensors of encoded arrays (by input name).
    pub fn input_tensors_of(&self, arrays: &[(InputName, Array)]) -> ModelResult<Vec<Activations>> {
        self.inputs.input_tensors(arrays, &[], None, self.device())
    }

    /// Input tensors of encoded arrays (by input name) that were gathered from these rows of a table.
    pub fn gathered_input_tensors(
        &self,
        table: &EncodedTable,
        rows: &[u32],
        arrays: &[(InputName, Array)],
    ) -> ModelResult<Vec<Activations>> {
        self.inputs.input_tensors(arrays, &self.gather_features(table, rows)?, None, self.device())
    }

    fn gather_features(
        &self,
        table: &EncodedTable,
        rows: &[u32],
    ) -> ModelResult<Vec<(InputName, Activations)>> {
        match &self.features {
            Some(features) => features.gather(&table.name, rows, self.device()),
            None => Ok(Vec::new()),
        }
    }

    /// The mode of a forward pass that passes over the layers whose output the network reads.
    pub(super) fn passing_over<'a>(&'a self, mode: &Mode<'a>) -> Mode<'a> {
        mode.with_computed(&self.computed)
    }
}
