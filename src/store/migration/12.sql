ALTER TABLE scores ADD COLUMN low REAL CHECK (typeof(low) IN ('real', 'null') -- lower bound of the 95 % bootstrap interval; NULL: not computed
);
ALTER TABLE scores ADD COLUMN high REAL CHECK (typeof(high) IN ('real', 'null') -- upper bound of the 95 % bootstrap interval
);

CREATE TABLE confusions (
  -- How often a class was predicted to be another, of the network's final scores; cells that are not 0.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  label        TEXT NOT NULL,             -- the label of a multilabel task; empty for other tasks
  split        TEXT NOT NULL,             -- train, valid or test
  truth        TEXT NOT NULL,             -- the true class
  predicted    TEXT NOT NULL,             -- the predicted class
  rows         INTEGER NOT NULL,          -- number of rows, steps or pixels
  PRIMARY KEY (run, trial, task, label, split, truth, predicted),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
