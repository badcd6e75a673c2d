CREATE TABLE gradients (
  -- Gradient statistics of two tasks, per epoch, over the steps with labels of both. Recorded where the weighting is
  -- a gradient method or `train.gradients.observe` is set.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- one task
  other        TEXT NOT NULL,             -- a later task
  cosine       REAL,                      -- mean cosine similarity
  conflicts    REAL,                      -- fraction of the steps with a negative cosine
  similarity   REAL,                      -- mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of equal norm
  steps        INTEGER NOT NULL,          -- number of steps compared
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
