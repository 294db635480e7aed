-- For an admin who asks the server directly, in a notebook or a chart tool, and
-- may see one site only. lychgate itself needs none of this: its dashboard asks
-- for one site at a time, and only for those of the account.
--
-- Repeat for each admin. The second policy keeps every other reader as it was: a
-- table with any policy shows nothing to those who have none.
CREATE USER IF NOT EXISTS willow_admin IDENTIFIED WITH sha256_password BY 'change-me-5' HOST IP '10.0.0.0/24' SETTINGS readonly = 1;
GRANT SELECT ON lychgate.sums TO willow_admin;
GRANT SELECT ON lychgate.sums_local TO willow_admin;
CREATE ROW POLICY IF NOT EXISTS willow ON lychgate.sums, lychgate.sums_local FOR SELECT USING site = 'www.willow.example' TO willow_admin;
CREATE ROW POLICY IF NOT EXISTS everything ON lychgate.sums, lychgate.sums_local FOR SELECT USING 1 TO ALL EXCEPT willow_admin;
