package analytics

// newcomers counts the browsers of the period that were never counted before:
// those without a day on which they were last active.
func (q *asking) newcomers() Number {
	if q.Filter != nil || q.Page != "" || q.now.Sub(date(q.from)) > keepGaps || q.importedVisitors() {
		return unanswered
	}
	none := gapName(0)
	var n int64
	for _, r := range q.gaps() {
		if r.Value == none {
			n += r.Visitors
		}
	}
	return q.headCover.number(n)
}
