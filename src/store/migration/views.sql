-- Views hold no rows, so every migration drops all of them and recreates them from this file.
-- Changing what a view selects needs a new version, even one whose own file is empty.

CREATE VIEW trial_objectives AS
  -- The objective of each trial: that of its best epoch, on validation rows.
  SELECT t.run, t.trial,
         (SELECT e.objective FROM epochs e
           WHERE e.run = t.run AND e.trial = t.trial AND e.best = 1 ORDER BY e.epoch DESC LIMIT 1) AS objective,
         r.direction, -- which objective values are better
         EXISTS (SELECT 1 FROM artifacts a
                  WHERE a.run = t.run AND a.trial = t.trial AND a.kind = 'onnx') AS exported -- 1: its model was exported
    FROM trials t JOIN runs r USING (run);

CREATE VIEW leaderboard AS
  -- One row per run, trial, task and metric on the test split. `place` 1 is the best of its pipeline, task and metric. A
  -- training that several runs share through the cache has one place, in the earliest of these runs; the others refer to
  -- it (`same_as`, such as census-3f2a#1). An undefined score has no place.
  WITH scored AS (
    SELECT r.pipeline, s.task, s.metric, s.value, s.direction, s.run, s.trial, s.epoch, s.rows, r.started_at,
           s.run || '#' || s.trial AS own,
           first_value(s.run || '#' || s.trial) OVER (
             PARTITION BY r.pipeline, s.task, s.metric, s.value, coalesce(f.fingerprint, s.run || '#' || s.trial)
                 ORDER BY r.started_at, r.rowid, s.trial) AS holder
      FROM scores s JOIN runs r USING (run)
      LEFT JOIN stages f ON f.run = s.run AND f.stage = 'train#' || s.trial
     WHERE s.split = 'test')
  SELECT pipeline, task, metric, value,
         CASE WHEN value IS NOT NULL AND own = holder THEN
           rank() OVER (PARTITION BY pipeline, task, metric
                        ORDER BY value IS NULL OR own <> holder,
                                 CASE direction WHEN 'higher' THEN -value ELSE value END) END AS place,
         nullif(holder, own) AS same_as,
         direction, run, trial, epoch, rows, started_at
    FROM scored;

CREATE VIEW run_summary AS
  -- One row per run: its state, and the duration, scores and parity of its best trial (by `trial_objectives`; among trials
  -- with an exported model, if there are any).
  SELECT r.run, t.trial, (SELECT count(*) FROM trials n WHERE n.run = r.run) AS trials,
         r.pipeline, r.state, r.started_at, r.seconds,
         t.best_epoch, t.epochs, t.rows, t.weights, t.seconds AS train_seconds,
         t.rows * t.epochs / t.seconds AS rows_per_second,
         (SELECT count(*) FROM tasks k WHERE k.run = r.run) AS tasks,
         (SELECT group_concat(task || ' ' || metric || ' ' ||
                              CASE WHEN value IS NULL THEN 'undefined' ELSE printf('%.4g', value) END, ', ')
            FROM (SELECT s.task, s.metric, s.value, min(s.rowid) FROM scores s
                   WHERE s.run = r.run AND s.trial = t.trial AND s.split = 'test'
                   GROUP BY s.task ORDER BY min(s.rowid))) AS test_scores, -- each task's first metric
         p.verified, p.largest AS parity,
         (SELECT a.path FROM artifacts a
           WHERE a.run = r.run AND a.trial = t.trial AND a.kind = 'onnx') AS model,
         e.device, e.threads, e.host, e.git_commit, e.git_dirty, e.mtl_version
    FROM runs r
    LEFT JOIN trials t ON t.run = r.run
     AND t.trial = (SELECT o.trial FROM trial_objectives o
                     WHERE o.run = r.run
                     ORDER BY o.exported DESC, o.objective IS NULL,
                              CASE o.direction WHEN 'higher' THEN -o.objective ELSE o.objective END, o.trial LIMIT 1)
    LEFT JOIN parity p ON p.run = r.run AND p.trial = t.trial
    LEFT JOIN environments e ON e.run = r.run;

CREATE VIEW learning_curve AS
  -- Everything measured per epoch in one format: metrics, and the training loss as metric 'loss'.
  SELECT m.run, m.trial, m.epoch, m.task, m.split, m.metric, m.value, m.direction, e.best
    FROM metrics m JOIN epochs e USING (run, trial, epoch)
   UNION ALL
  SELECT l.run, l.trial, l.epoch, l.task, 'train', 'loss', l.value, 'lower', e.best
    FROM losses l JOIN epochs e USING (run, trial, epoch)
   WHERE NOT EXISTS (SELECT 1 FROM metrics m
                      WHERE m.run = l.run AND m.trial = l.trial AND m.epoch = l.epoch
                        AND m.task = l.task AND m.split = 'train' AND m.metric = 'loss');

CREATE VIEW settings AS
  -- Every setting of every trial. A sweep's choice for a trial overrides the run's own setting and all settings below its
  -- path: a chosen `weighting` also removes `weighting.cagrad.c`.
  SELECT t.run, t.trial, p.path, p.text, p.number
    FROM trials t JOIN parameters p USING (run)
   WHERE NOT EXISTS (SELECT 1 FROM trial_parameters o
                      WHERE o.run = t.run AND o.trial = t.trial
                        AND (p.path = o.path
                             OR substr(p.path, 1, length(o.path) + 1) IN (o.path || '.', o.path || '[')))
   UNION ALL
  SELECT run, trial, path, text, number FROM trial_parameters;

CREATE VIEW varied_settings AS
  -- Settings that differ between trials of their pipeline, with the number of trials of each value.
  SELECT r.pipeline, s.path, s.text AS value, count(*) AS trials
    FROM settings s JOIN runs r USING (run)
   GROUP BY r.pipeline, s.path, s.text
  HAVING count(*) < (SELECT count(*) FROM trials t JOIN runs q USING (run)
                      WHERE q.pipeline = r.pipeline);

CREATE VIEW generalization AS
  -- Final scores with the splits side by side. `gap` is how much better the training score is than the
  -- test score: a large gap means overfitting.
  SELECT run, trial, task, metric, direction,
         max(value) FILTER (WHERE split = 'train') AS train,
         max(value) FILTER (WHERE split = 'valid') AS valid,
         max(value) FILTER (WHERE split = 'test') AS test,
         (max(value) FILTER (WHERE split = 'train') - max(value) FILTER (WHERE split = 'test'))
           * CASE direction WHEN 'higher' THEN 1 ELSE -1 END AS gap
    FROM scores
   GROUP BY run, trial, task, metric;

CREATE VIEW task_gains AS
  -- Gain of each task over training it alone, in percent; negative where it is worse. NULL: undefined.
  SELECT run, trial, task, split, CASE WHEN count(gain) = count(*) THEN avg(gain) END AS gain,
         group_concat(metric, ', ') AS metrics
    FROM gains WHERE counts = 1
   GROUP BY run, trial, task, split;

CREATE VIEW trial_gains AS
  -- Mean gain over a trial's tasks (Maninis et al. 2019), and the number of tasks that are better than alone.
  SELECT run, trial, split, CASE WHEN count(gain) = count(*) THEN avg(gain) END AS gain,
         count(*) AS tasks, sum(coalesce(gain > 0, 0)) AS better
    FROM task_gains
   GROUP BY run, trial, split;

CREATE VIEW classes AS
  -- Precision, recall and F1 of every class, from the confusion matrices; 0 where a class was never predicted
  -- (precision) or never true (recall), as by scikit-learn with `zero_division=0`.
  SELECT run, trial, task, label, split, class, support, predicted,
         coalesce(1.0 * correct / nullif(predicted, 0), 0) AS precision,
         coalesce(1.0 * correct / nullif(support, 0), 0) AS recall,
         coalesce(2.0 * correct / nullif(support + predicted, 0), 0) AS f1
    FROM (SELECT run, trial, task, label, split, class, sum(support) AS support, sum(predicted) AS predicted,
                 sum(correct) AS correct
            FROM (SELECT run, trial, task, label, split, truth AS class, rows AS support, 0 AS predicted,
                         CASE WHEN truth = predicted THEN rows ELSE 0 END AS correct FROM confusions
                  UNION ALL
                  SELECT run, trial, task, label, split, predicted, 0, rows, 0 FROM confusions)
           GROUP BY run, trial, task, label, split, class);
