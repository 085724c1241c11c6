-- Σ_z P(Z=z | X) (Σ_x P(Y | X=x, Z=z) P(X=x))
WITH complete_rows AS (
    SELECT
        `x` AS `X`,
        `y` AS `Y`,
        `z` AS `Z`
    FROM people
    WHERE `x` IS NOT NULL
        AND `y` IS NOT NULL
        AND `z` IS NOT NULL
),

cells AS (
    SELECT
        `X`,
        `Y`,
        `Z`,
        CAST(COUNT(*) AS DOUBLE) AS weight
    FROM complete_rows
    GROUP BY `X`, `Y`, `Z`
),

levels_of_y(`Y`) AS (
    VALUES (0), (1)
),

levels_of_x(`X`) AS (
    VALUES (0), (1)
),

answers_by_y_x AS (
    SELECT
        l1.`Y` AS `Y`,
        l2.`X` AS `X`
    FROM levels_of_y AS l1
    CROSS JOIN levels_of_x AS l2
),

sums_by_x_z AS (
    SELECT
        `X`,
        `Z`,
        SUM(weight) AS weight
    FROM cells
    GROUP BY `X`, `Z`
),

sums_by_x AS (
    SELECT
        `X`,
        SUM(weight) AS weight
    FROM cells
    GROUP BY `X`
),

levels_of_z(`Z`) AS (
    VALUES (0), (1)
),

rows_by_y_x_z AS (
    SELECT
        r.`Y`,
        r.`X`,
        s.`Z` AS `Z`
    FROM answers_by_y_x AS r
    JOIN sums_by_x_z AS s ON s.`X` = r.`X`
    UNION ALL
    SELECT
        r.`Y`,
        r.`X`,
        l1.`Z` AS `Z`
    FROM answers_by_y_x AS r
    CROSS JOIN levels_of_z AS l1
    WHERE NOT EXISTS (SELECT 1 FROM sums_by_x AS g WHERE g.`X` = r.`X`)
),

asked_by_y_z AS (
    SELECT DISTINCT `Y`, `Z`
    FROM rows_by_y_x_z
),

rows_by_y_z_x AS (
    SELECT
        r.`Y`,
        r.`Z`,
        s.`X` AS `X'`
    FROM asked_by_y_z AS r
    CROSS JOIN sums_by_x AS s
),

total AS (
    SELECT SUM(weight) AS weight
    FROM cells
),

factors_by_y_z_x AS (
    SELECT
        r.`Y`,
        r.`Z`,
        r.`X'`,
        COALESCE(t2.weight, 0) / t1.weight AS `P(X=X′)`,
        COALESCE(t4.weight, 0) / t3.weight AS `P(Y | X=X′, Z)`
    FROM rows_by_y_z_x AS r
    CROSS JOIN total AS t1
    LEFT JOIN sums_by_x AS t2 ON t2.`X` = r.`X'`
    LEFT JOIN sums_by_x_z AS t3 ON t3.`X` = r.`X'` AND t3.`Z` = r.`Z`
    LEFT JOIN cells AS t4 ON t4.`Y` = r.`Y` AND t4.`X` = r.`X'` AND t4.`Z` = r.`Z`
),

sum_over_x AS (
    SELECT
        `Y`,
        `Z`,
        CASE WHEN COUNT(*) = COUNT(value) THEN SUM(value) END AS value
    FROM (
        SELECT
            `Y`,
            `Z`,
            `P(X=X′)` * `P(Y | X=X′, Z)` AS value
        FROM factors_by_y_z_x
    ) AS t
    GROUP BY `Y`, `Z`
),

factors_by_y_x_z AS (
    SELECT
        r.`Y`,
        r.`X`,
        r.`Z`,
        t1.value AS `sum over X'`,
        COALESCE(t3.weight, 0) / t2.weight AS `P(Z | X)`
    FROM rows_by_y_x_z AS r
    LEFT JOIN sum_over_x AS t1 ON t1.`Y` = r.`Y` AND t1.`Z` = r.`Z`
    LEFT JOIN sums_by_x AS t2 ON t2.`X` = r.`X`
    LEFT JOIN sums_by_x_z AS t3 ON t3.`Z` = r.`Z` AND t3.`X` = r.`X`
),

sum_over_z AS (
    SELECT
        `Y`,
        `X`,
        CASE WHEN COUNT(*) = COUNT(value) THEN SUM(value) END AS value
    FROM (
        SELECT
            `Y`,
            `X`,
            CASE WHEN `sum over X'` = 0 OR `P(Z | X)` = 0 THEN 0 ELSE `sum over X'` * `P(Z | X)` END AS value
        FROM factors_by_y_x_z
    ) AS t
    GROUP BY `Y`, `X`
),

factors_by_y_x AS (
    SELECT
        r.`Y`,
        r.`X`,
        t1.value AS `sum over Z`
    FROM answers_by_y_x AS r
    LEFT JOIN sum_over_z AS t1 ON t1.`Y` = r.`Y` AND t1.`X` = r.`X`
)

SELECT
    `Y` AS `Y`,
    `X` AS `X`,
    `sum over Z` AS value
FROM factors_by_y_x
WHERE EXISTS (SELECT 1 FROM cells)
ORDER BY 1, 2
