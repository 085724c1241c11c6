-- (Σ_w P(X, Y | Z, W=w) P(W=w)) / (Σ_w P(X | Z, W=w) P(W=w))
WITH complete_rows AS (
    SELECT
        "w" AS "W",
        "x" AS "X",
        "y" AS "Y",
        "z" AS "Z"
    FROM people
    WHERE "w" IS NOT NULL
        AND "x" IS NOT NULL
        AND "y" IS NOT NULL
        AND "z" IS NOT NULL
),

cells AS (
    SELECT
        "W",
        "X",
        "Y",
        "Z",
        CAST(COUNT(*) AS DOUBLE PRECISION) AS weight
    FROM complete_rows
    GROUP BY "W", "X", "Y", "Z"
),

levels_of_x("X") AS (
    VALUES (0), (1)
),

levels_of_y("Y") AS (
    VALUES (0), (1)
),

levels_of_z("Z") AS (
    VALUES (0), (1)
),

answers_by_x_y_z AS (
    SELECT
        l1."X" AS "X",
        l2."Y" AS "Y",
        l3."Z" AS "Z"
    FROM levels_of_x AS l1
    CROSS JOIN levels_of_y AS l2
    CROSS JOIN levels_of_z AS l3
),

sums_by_w AS (
    SELECT
        "W",
        SUM(weight) AS weight
    FROM cells
    GROUP BY "W"
),

rows_by_x_y_z_w AS (
    SELECT
        r."X",
        r."Y",
        r."Z",
        s."W" AS "W"
    FROM answers_by_x_y_z AS r
    CROSS JOIN sums_by_w AS s
),

total AS (
    SELECT SUM(weight) AS weight
    FROM cells
),

sums_by_w_z AS (
    SELECT
        "W",
        "Z",
        SUM(weight) AS weight
    FROM cells
    GROUP BY "W", "Z"
),

factors_by_x_y_z_w AS (
    SELECT
        r."X",
        r."Y",
        r."Z",
        r."W",
        COALESCE(t2.weight, 0) / t1.weight AS "P(W)",
        COALESCE(t4.weight, 0) / t3.weight AS "P(X, Y | W, Z)"
    FROM rows_by_x_y_z_w AS r
    CROSS JOIN total AS t1
    LEFT JOIN sums_by_w AS t2 ON t2."W" = r."W"
    LEFT JOIN sums_by_w_z AS t3 ON t3."W" = r."W" AND t3."Z" = r."Z"
    LEFT JOIN cells AS t4 ON t4."X" = r."X" AND t4."Y" = r."Y" AND t4."W" = r."W" AND t4."Z" = r."Z"
),

sum_over_w AS (
    SELECT
        "X",
        "Y",
        "Z",
        CASE WHEN COUNT(*) = COUNT(value) THEN SUM(value) END AS value
    FROM (
        SELECT
            "X",
            "Y",
            "Z",
            "P(W)" * "P(X, Y | W, Z)" AS value
        FROM factors_by_x_y_z_w
    ) AS t
    GROUP BY "X", "Y", "Z"
),

asked_by_x_z AS (
    SELECT DISTINCT "X", "Z"
    FROM answers_by_x_y_z
),

rows_by_x_z_w AS (
    SELECT
        r."X",
        r."Z",
        s."W" AS "W"
    FROM asked_by_x_z AS r
    CROSS JOIN sums_by_w AS s
),

sums_by_w_x_z AS (
    SELECT
        "W",
        "X",
        "Z",
        SUM(weight) AS weight
    FROM cells
    GROUP BY "W", "X", "Z"
),

factors_by_x_z_w AS (
    SELECT
        r."X",
        r."Z",
        r."W",
        COALESCE(t2.weight, 0) / t1.weight AS "P(W)",
        COALESCE(t4.weight, 0) / t3.weight AS "P(X | W, Z)"
    FROM rows_by_x_z_w AS r
    CROSS JOIN total AS t1
    LEFT JOIN sums_by_w AS t2 ON t2."W" = r."W"
    LEFT JOIN sums_by_w_z AS t3 ON t3."W" = r."W" AND t3."Z" = r."Z"
    LEFT JOIN sums_by_w_x_z AS t4 ON t4."X" = r."X" AND t4."W" = r."W" AND t4."Z" = r."Z"
),

sum_over_w_2 AS (
    SELECT
        "X",
        "Z",
        CASE WHEN COUNT(*) = COUNT(value) THEN SUM(value) END AS value
    FROM (
        SELECT
            "X",
            "Z",
            "P(W)" * "P(X | W, Z)" AS value
        FROM factors_by_x_z_w
    ) AS t
    GROUP BY "X", "Z"
),

factors_by_x_y_z AS (
    SELECT
        r."X",
        r."Y",
        r."Z",
        t1.value AS "sum over W",
        t2.value AS "sum over W_2"
    FROM answers_by_x_y_z AS r
    LEFT JOIN sum_over_w AS t1 ON t1."X" = r."X" AND t1."Y" = r."Y" AND t1."Z" = r."Z"
    LEFT JOIN sum_over_w_2 AS t2 ON t2."X" = r."X" AND t2."Z" = r."Z"
)

SELECT
    "X" AS "X",
    "Y" AS "Y",
    "Z" AS "Z",
    NULLIF(CASE WHEN "sum over W_2" <> 0 THEN "sum over W" / "sum over W_2" ELSE CAST('NaN' AS DOUBLE PRECISION) END, CAST('NaN' AS DOUBLE PRECISION)) AS value
FROM factors_by_x_y_z
WHERE EXISTS (SELECT 1 FROM cells)
ORDER BY 1, 2, 3
