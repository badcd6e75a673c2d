//! What is read of a trial's settings.

use crate::domain::name::RunId;
use crate::domain::trial_address::TrialAddress;
use crate::report::trials::Trained;

#[test]
fn a_setting_is_read_however_it_was_written() {
    let parameters = [
        ("weighting[0].uncertainty.form", "standard"),
        ("weighting[1].pcgrad", "{}"),
        ("sharing.mmoe.experts", "4"),
        ("trunk[0]", "batch_norm"),
        ("train.epochs", "3"),
        ("train.epochs_more", "9"),
        ("seed", "1"),
    ];
    let trial = Trained {
        name: TrialAddress::new(&RunId::new("a-1").expect("a name"), 1),
        number: 1,
        seed: 1,
        choices: vec![("train.epochs".to_owned(), "5".to_owned())],
        parameters: parameters.map(|(path, value)| (path.to_owned(), value.to_owned())).to_vec(),
        objective: None,
        pruned: None,
        epochs: (0, 0),
        scores: Vec::new(),
        gain: (None, None),
        objectives: Vec::new(),
    };
    let found = ["weighting", "sharing", "trunk", "train.epochs", "none"].map(|own| trial.setting(own));
    assert_eq!(found, ["[uncertainty, pcgrad]", "mmoe", "[batch_norm]", "5", "–"]);
    let all = trial.settings_but_seed();
    assert_eq!(all.len(), 6, "{all:?}");
    assert!(all.contains(&("train.epochs".to_owned(), "5".to_owned())), "{all:?}");
}
