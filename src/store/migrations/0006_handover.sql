-- Hand-overs under the person, and numbered by the change that opened them: a deactivation writes half as many pages.
alter table handover rename to handover_before;
drop index handover_by_person;
drop index handover_by_status;
create table handover (
  person text not null,                 -- the id; live or departed
  id integer not null,                  -- the number of the change that opened it
  opened integer not null,
  status text not null,                 -- open, done, dismissed; closed: the person came back before
  successor text,                       -- the id of whoever took over
  note text,
  by text,                              -- who settled it, as change rows name it
  at integer,
  primary key (person, id)
) strict, without rowid;
insert into handover select person, change, opened, status, successor, note, by, at from handover_before;
drop table handover_before;
create index handover_by_status on handover (status, id, opened);
