-- why
select age, hours, work, rich from self -- so