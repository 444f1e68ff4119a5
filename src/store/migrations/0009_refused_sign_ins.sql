-- Sign-ins by single sign-on that were refused: the last ones.
create table refused_sign_in (
  n integer primary key,                -- in the order in which they came
  failed integer not null,              -- 0: the identity provider had said who that is
  at integer not null,
  address text not null,
  name text,                            -- the userName of the person who was matched
  why text not null,                    -- for administrators
  times integer not null
) strict;
