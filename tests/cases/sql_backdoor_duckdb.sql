-- Σ_z P(Y | X, Z=z) P(Z=z)
WITH complete_rows AS (
    SELECT
        "x" AS "X",
        "y" AS "Y",
        "z" AS "Z"
    FROM people
    WHERE "x" IS NOT NULL
        AND "y" IS NOT NULL
        AND "z" IS NOT NULL
),

cells AS (
    SELECT
        "X",
        "Y",
        "Z",
        CAST(COUNT(*) AS DOUBLE) AS weight
    FROM complete_rows
    GROUP BY "X", "Y", "Z"
),

levels_of_y("Y") AS (
    VALUES (0), (1)
),

levels_of_x("X") AS (
    VALUES (0), (1)
),

answers_by_y_x AS (
    SELECT
        l1."Y" AS "Y",
        l2."X" AS "X"
    FROM levels_of_y AS l1
    CROSS JOIN levels_of_x AS l2
),

sums_by_z AS (
    SELECT
        "Z",
        SUM(weight) AS weight
    FROM cells
    GROUP BY "Z"
),

rows_by_y_x_z AS (
    SELECT
        r."Y",
        r."X",
        s."Z" AS "Z"
    FROM answers_by_y_x AS r
    CROSS JOIN sums_by_z AS s
),

sums_by_x_z AS (
    SELECT
        "X",
        "Z",
        SUM(weight) AS weight
    FROM cells
    GROUP BY "X", "Z"
),

total AS (
    SELECT SUM(weight) AS weight
    FROM cells
),

factors_by_y_x_z AS (
    SELECT
        r."Y",
        r."X",
        r."Z",
        COALESCE(t2.weight, 0) / t1.weight AS "P(Y | X, Z)",
        COALESCE(t4.weight, 0) / t3.weight AS "P(Z)"
    FROM rows_by_y_x_z AS r
    LEFT JOIN sums_by_x_z AS t1 ON t1."X" = r."X" AND t1."Z" = r."Z"
    LEFT JOIN cells AS t2 ON t2."Y" = r."Y" AND t2."X" = r."X" AND t2."Z" = r."Z"
    CROSS JOIN total AS t3
    LEFT JOIN sums_by_z AS t4 ON t4."Z" = r."Z"
),

sum_over_z AS (
    SELECT
        "Y",
        "X",
        CASE WHEN COUNT(*) = COUNT(value) THEN SUM(value) END AS value
    FROM (
        SELECT
            "Y",
            "X",
            "P(Y | X, Z)" * "P(Z)" AS value
        FROM factors_by_y_x_z
    ) AS t
    GROUP BY "Y", "X"
),

factors_by_y_x AS (
    SELECT
        r."Y",
        r."X",
        t1.value AS "sum over Z"
    FROM answers_by_y_x AS r
    LEFT JOIN sum_over_z AS t1 ON t1."Y" = r."Y" AND t1."X" = r."X"
)

SELECT
    "Y" AS "Y",
    "X" AS "X",
    "sum over Z" AS value
FROM factors_by_y_x
WHERE EXISTS (SELECT 1 FROM cells)
ORDER BY 1, 2
