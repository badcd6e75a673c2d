CREATE TABLE gradients (
  -- How the gradients of two tasks stand to each other, per epoch, over the steps that had labels of both: where the
  -- weighting is a gradient method, or `train.gradients.observe` is set.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- one task
  other        TEXT NOT NULL,             -- a task after it
  cosine       REAL,                      -- mean cosine of their angle
  conflicts    REAL,                      -- share of the steps with a cosine below 0
  similarity   REAL,                      -- mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of one length
  steps        INTEGER NOT NULL,          -- that were compared
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
