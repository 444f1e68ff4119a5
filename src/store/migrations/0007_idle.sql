-- Automatic deactivation of people without sign-in or contact.

-- When people last signed in by single sign-on. By the person's id, which is never used again.
create table sign_in (
  person text primary key,
  at integer not null
) strict, without rowid;

-- Whom automatic deactivation passes over. By the person's id: whoever is deleted and restored is passed over still.
create table idle_exempt (
  person text primary key,
  change integer not null     -- the change that made it so
) strict, without rowid;

-- How automatic deactivation is set; no row: it is off.
create table idle (
  id integer primary key check (id = 1),
  days integer not null,      -- without sign-in or contact
  sso integer,                -- since when single sign-on was on when this was announced; null: it is off
  announced integer not null, -- when it was
  due integer not null,       -- nobody is deactivated before this time
  shown integer not null,     -- people whom the announcement, or the confirmation, has counted
  waits integer,              -- people whom a run would have taken that waits to be confirmed
  confirmed integer,          -- when an administrator confirmed the run that is due
  ran integer                 -- when the last run came to its end
) strict;
