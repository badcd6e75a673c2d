-- Ten questions to runs/mtl.db, ready for `mtl query "..."`. A test asks each of them.
-- `leaderboard`, `run_summary`, `trial_objectives`, `learning_curve`, `settings`, `varied_settings` and
-- `generalization` are views; schemas/store.sql documents every table, view and column.

-- 1. The best run for every task and metric, on the test rows; one that found it in the cache has no place (`same_as`).
SELECT pipeline, task, metric, value, run FROM leaderboard WHERE place = 1;

-- 2. The last five runs, in one line each; a sweep by its best trial.
SELECT run, state, started_at, seconds, test_scores FROM run_summary ORDER BY started_at DESC LIMIT 5;

-- 3. The learning curve of the newest run: training loss beside validation metrics.
SELECT epoch, task, split, metric, value FROM learning_curve
 WHERE run = (SELECT run FROM runs ORDER BY started_at DESC LIMIT 1) ORDER BY task, metric, epoch;

-- 4. Did a setting help? Scores against the learning rate; what was trained once counts once.
SELECT s.number AS rate, l.task, l.metric, avg(l.value) AS mean, count(*) AS trials
  FROM leaderboard l JOIN settings s USING (run, trial)
 WHERE s.path = 'train.optimizer.adamw.rate' AND l.same_as IS NULL GROUP BY 1, 2, 3 ORDER BY 2, 3, 1;

-- 5. Which settings were ever varied, and how often each value was tried.
SELECT pipeline, path, value, trials FROM varied_settings ORDER BY pipeline, path;

-- 6. Where does a model overfit? How much better training rows do than test rows.
SELECT run, task, metric, train, test, gap FROM generalization ORDER BY gap DESC LIMIT 10;

-- 7. How the tasks' weights moved.
SELECT run, trial, epoch, max(value) FILTER (WHERE task = 'income') AS income,
       max(value) FILTER (WHERE task = 'weeks_worked') AS weeks_worked
  FROM weights GROUP BY run, trial, epoch;

-- 8. Exported models nobody should trust yet: not compared with ONNX Runtime, or beyond the tolerance.
SELECT run, trial, verified, largest, tolerance, reason FROM parity
 WHERE verified = 0 OR largest IS NULL OR largest > tolerance;

-- 9. Which runs learned from the same file, byte for byte?
SELECT data, hash, min(path) AS path, count(*) AS runs, group_concat(run, ', ') AS names
  FROM data_files GROUP BY data, hash;

-- 10. Where does the time go, and how fast is each machine?
SELECT e.host, e.device, e.threads, s.kind, sum(s.seconds) AS seconds, sum(s.cached) AS cached,
       (SELECT avg(rows_per_second) FROM epochs p JOIN environments q USING (run)
         WHERE q.host = e.host AND q.device = e.device AND q.threads = e.threads) AS rows_per_second
  FROM stages s JOIN environments e USING (run) GROUP BY 1, 2, 3, 4 ORDER BY seconds DESC;
