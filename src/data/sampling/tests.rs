//! Samplings: quotas, order, bucketing by length.

use crate::data::sampling::quota::apportion;
use crate::data::sampling::{BatchRows, RowShuffle, SamplingConfig, TableSize};
use crate::domain::choice_config::Choice;

fn sampling(config: serde_json::Value) -> SamplingConfig {
    serde_json::from_value(config).unwrap()
}

/// Shares of an epoch for tables of 10,000, 1,000 and 100 rows.
fn shares(config: serde_json::Value, progress: f64) -> Vec<f64> {
    let sampling = sampling(config);
    let weights = [10_000, 1_000, 100].map(|rows| sampling.view().weight(rows, progress));
    weights.iter().map(|weight| weight / weights.iter().sum::<f64>()).collect()
}

fn assert_close(shares: &[f64], expected: [f64; 3]) {
    assert!(shares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{shares:?}, not {expected:?}");
}

/// n = (10000, 1000, 100), in Python: `w = [x ** a for x in n]; [x / sum(w) for x in w]`.
#[test]
fn shares_are_the_published_ones() {
    assert_close(&shares("proportional".into(), 0.0), [0.900901, 0.090090, 0.009009]);
    assert_close(&shares("uniform".into(), 0.0), [1.0 / 3.0; 3]);
    assert_close(&shares(serde_json::json!({"temperature": 2}), 0.0), [0.706101, 0.223289, 0.070610]);
    assert_close(&shares(serde_json::json!({"temperature": 5}), 0.0), [0.492838, 0.310960, 0.196202]);
    assert_close(&shares("annealed".into(), 0.0), [0.900901, 0.090090, 0.009009]);
    assert_close(&shares("annealed".into(), 0.25), [0.844874, 0.133904, 0.021222]);
    assert_close(&shares("annealed".into(), 1.0), [0.492838, 0.310960, 0.196202]);
    assert_close(&shares(serde_json::json!({"capped": 1000}), 0.0), [0.476190, 0.476190, 0.047619]);
}

#[test]
fn shares_become_whole_batches_and_no_table_is_left_out() {
    assert_eq!(apportion(&[10.0, 1.0, 1.0], 12), [10, 1, 1]);
    assert_eq!(apportion(&[0.5, 0.3, 0.2], 7), [4, 2, 1]);
    assert_eq!(apportion(&[1000.0, 1.0, 0.0], 5), [4, 1, 0]);
    assert_eq!(apportion(&[1.0, 1.0, 1.0], 2), [1, 1, 0]);
    assert_eq!(apportion(&[0.0, 0.0], 2), [0, 0]);
}

#[test]
fn every_sampling_has_its_documented_epoch_length() {
    let tables = [(640, 64), (70, 7), (3, 1)].map(|(rows, batches)| TableSize { rows, batches });
    let config = serde_json::json!([
        "proportional", "uniform", {"temperature": 2}, "annealed", {"capped": 50}, "round_robin"
    ]);
    let samplings: Vec<SamplingConfig> = serde_json::from_value(config).unwrap();
    assert_eq!(samplings.iter().map(Choice::name).collect::<Vec<_>>(), SamplingConfig::names());
    for sampling in samplings {
        for progress in [0.0, 0.5, 1.0] {
            let batches = sampling.view().batches(&tables, progress);
            let name = sampling.name();
            let length = if name == "round_robin" { 3 * 64 } else { 72 };
            assert_eq!(batches.iter().sum::<usize>(), length, "{name}: {batches:?}");
            assert!(batches.iter().all(|batches| *batches > 0), "{name}: {batches:?}");
        }
    }
}

fn rows_of_table(epoch: &[BatchRows], table: usize) -> Vec<u32> {
    epoch.iter().filter(|batch| batch.table == table).flat_map(|batch| &batch.rows).copied().collect()
}

#[test]
fn every_row_is_seen_once_per_epoch_in_a_new_order() {
    let tables = vec![(0..100).collect(), (5..30).collect()];
    let shuffle = RowShuffle::new(3, 8, tables.clone());
    let epoch = shuffle.epoch(1);
    assert_eq!(epoch.len(), shuffle.steps_per_epoch());
    for (table, rows) in tables.iter().enumerate() {
        let mut seen = rows_of_table(&epoch, table);
        assert_ne!(seen, *rows);
        seen.sort_unstable();
        assert_eq!(seen, *rows);
    }
    assert_eq!(epoch, RowShuffle::new(3, 8, tables.clone()).epoch(1));
    assert_ne!(epoch, shuffle.epoch(2));
    assert_ne!(epoch, RowShuffle::new(4, 8, tables).epoch(1));
}

#[test]
fn tables_take_turns_in_proportion() {
    let epoch = RowShuffle::new(0, 10, vec![(0..120).collect(), (0..40).collect()]).epoch(0);
    let order: Vec<usize> = epoch.iter().map(|batch| batch.table).collect();
    assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
}

#[test]
fn tables_take_turns_one_by_one() {
    let tables = vec![(0..40).collect(), (0..10).collect(), vec![]];
    let shuffle = RowShuffle::new(0, 10, tables).with_sampling(&sampling("round_robin".into()), 3);
    let order: Vec<usize> = shuffle.epoch(1).iter().map(|batch| batch.table).collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1, 0, 1]);
    assert_eq!(shuffle.steps_per_epoch(), 8);
}

#[test]
fn a_table_continues_where_the_previous_epoch_ended() {
    let tables: Vec<Vec<u32>> = vec![(0..90).collect(), (0..30).collect()];
    for config in ["uniform", "annealed"] {
        let shuffle = RowShuffle::new(5, 10, tables.clone()).with_sampling(&sampling(config.into()), 8);
        let epochs: Vec<Vec<BatchRows>> = (0..8).map(|epoch| shuffle.epoch(epoch)).collect();
        assert!(epochs.iter().all(|epoch| epoch.len() == 12), "{config}");
        for (table, rows) in tables.iter().enumerate() {
            let seen: Vec<u32> = epochs.iter().flat_map(|epoch| rows_of_table(epoch, table)).collect();
            for pass in seen.chunks_exact(rows.len()) {
                let mut pass = pass.to_vec();
                pass.sort_unstable();
                assert_eq!(pass, *rows, "{config}: every row before any is repeated");
            }
        }
    }
}

#[test]
fn a_single_row_at_the_end_joins_the_batch_before() {
    let sizes = |rows: u32, size: usize| {
        let epoch = RowShuffle::new(0, size, vec![(0..rows).collect()]).epoch(0);
        epoch.iter().map(|batch| batch.rows.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(21, 10), [10, 11]);
    assert_eq!(sizes(22, 10), [10, 10, 2]);
    assert_eq!(sizes(1, 10), [1]);
    assert_eq!(sizes(3, 1), [1, 1, 1]);
}

#[test]
fn batches_have_at_most_so_many_tokens() {
    let rows: Vec<u32> = (0..1000).filter(|row| row % 10 != 0).collect();
    let lengths: Vec<u32> = (0..1000).map(|row| row * 7919 % 97 + 1).collect();
    let shuffle = RowShuffle::new(3, 32, vec![rows.clone()]).with_lengths(vec![Some(lengths.clone())]);
    let plain = shuffle.steps_per_epoch();
    let shuffle = shuffle.with_tokens(Some(400));
    let length = |row: &u32| lengths[*row as usize] as usize;
    for epoch in 0..3 {
        let batches = shuffle.epoch(epoch);
        assert_eq!(batches.len(), shuffle.steps_per_epoch());
        for batch in &batches {
            let longest = batch.rows.iter().map(length).max().unwrap();
            assert!(batch.rows.len() <= 32 && longest * batch.rows.len() <= 400, "{batch:?}");
        }
        let mut seen = rows_of_table(&batches, 0);
        seen.sort_unstable();
        assert_eq!(seen, rows);
    }
    assert_ne!(shuffle.epoch(0), shuffle.epoch(1));
    assert!(shuffle.steps_per_epoch() > plain);
    // Few batches are far from full: `sum(lengths) / 400` is a bound from below.
    let tokens: usize = rows.iter().map(length).sum();
    assert!(shuffle.steps_per_epoch() < tokens.div_ceil(400) * 5 / 4, "{}", shuffle.steps_per_epoch());
    // A row with more tokens is a batch by itself.
    let alone = RowShuffle::new(3, 8, vec![vec![0, 1, 2]]).with_lengths(vec![Some(vec![3, 50, 3])]);
    let alone = alone.with_tokens(Some(10)).epoch(0);
    assert_eq!(alone.iter().map(|batch| batch.rows.len()).max(), Some(2));
    assert!(alone.iter().any(|batch| batch.rows == [1]));
    // Without lengths, rows are counted.
    let vectors = RowShuffle::new(3, 8, vec![rows]).with_tokens(Some(10));
    assert_eq!(vectors.steps_per_epoch(), 113);
}

#[test]
fn rows_of_similar_length_are_batched() {
    let rows: Vec<u32> = (0..4000).collect();
    // Lengths from 1 to 200, unordered.
    let lengths: Vec<u32> = rows.iter().map(|row| row * 7919 % 200 + 1).collect();
    let plain = RowShuffle::new(2, 16, vec![rows.clone()]);
    let bucketed = plain.clone().with_lengths(vec![Some(lengths.clone())]);
    let padding = |epoch: &[BatchRows]| -> u32 {
        let batch = |batch: &BatchRows| {
            let row_lengths = batch.rows.iter().map(|&row| lengths[row as usize]);
            row_lengths.clone().max().unwrap_or(0) * batch.rows.len() as u32 - row_lengths.sum::<u32>()
        };
        epoch.iter().map(batch).sum()
    };
    let epoch = bucketed.epoch(4);
    assert!(padding(&epoch) * 10 < padding(&plain.epoch(4)));
    let mut seen = rows_of_table(&epoch, 0);
    seen.sort_unstable();
    assert_eq!(seen, rows);
    assert_eq!(epoch, bucketed.epoch(4));
    assert_ne!(epoch, bucketed.epoch(5));
    // Short batches do not all come first.
    let longest = |batch: &BatchRows| batch.rows.iter().map(|&row| lengths[row as usize]).max();
    assert!(!epoch.is_sorted_by_key(longest));
}
