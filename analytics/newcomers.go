package analytics

// newcomers counts the browsers of the period that were never counted before:
// those without a day on which they were last active.
func (q *asking) newcomers() Number {
	if q.Filter != nil || q.Page != "" || q.now.Sub(date(q.from)) > keepGaps || q.importedVisitors() {
		return unanswered
	}
	none := gapName(0)
	sel := q.days(DimGap)
	sel.Value = &none
	return q.headCover.number(sumOf(q.rows(sel)).Visitors)
}
