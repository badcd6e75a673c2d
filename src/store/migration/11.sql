ALTER TABLE parity ADD COLUMN precision TEXT NOT NULL DEFAULT 'f32' CHECK (precision IN ('f32', 'f16', 'int8' -- of the exported model
));

CREATE TABLE exported_scores (
  -- Scores of an exported model with rounded weights, computed by ONNX Runtime, beside those of the trained network.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- test, or valid if there are no test rows
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  value        REAL,                      -- the metric of the exported model
  trained      REAL,                      -- the same metric of the trained network; NULL: not scored there
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
