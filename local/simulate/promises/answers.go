package promises

import (
	"fenzhang/local/simulate/people"
	"strings"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/settlement"
)

// checkAnswers checks promise P9: what callers were answered with 2xx is true.
func (b *Examiner) checkAnswers() {
	for _, p := range b.actors.Answered.Settled {
		s, ok := b.settlements[string(p.Payable.Tenant+"/")+p.ID]
		if !ok || s.Gross != p.Amount || s.CreatorID != p.Payable.Creator ||
			s.ActivityID != p.Payable.Activity {
			b.world.ReportBroken("P9", "settle of %s was answered with %s, which is not there or another's",
				p.Payable.Activity, p.ID)
		}
	}
	for it := range b.world.DB.Items(engine.ControlTable) {
		if sid := dynamo.TextOf(it, "sid"); strings.Contains(dynamo.TextOf(it, "pk"), "#IDEM#") {
			if _, ok := b.settlements[tenantOf(dynamo.TextOf(it, "pk"))+"/"+sid]; !ok {
				b.world.ReportBroken("P9", "a key is remembered for settlement %s, which is not there", sid)
			}
		}
	}
	for _, p := range b.actors.Answered.Moved {
		b.checkMoveAnswer(p)
	}
	for _, p := range b.actors.Answered.Lines {
		b.checkLineAnswer(p)
	}
}

// checkMoveAnswer checks that an answered act is in the history of its settlement, and that the act
// was made on the version that the person had seen (promises P4 and P9).
func (b *Examiner) checkMoveAnswer(p people.MoveAnswer) {
	s := b.settlements[string(p.Tenant+"/")+p.ID]
	if p.Version < 1 || p.Version > len(s.History)+1 {
		b.world.ReportBroken("P9", "%s of %s was answered with version %d, there are %d", p.Act, p.ID,
			p.Version, len(s.History)+1)
		return
	}
	if p.Version > 1 && s.History[p.Version-2].To != p.Status {
		b.world.ReportBroken("P9", "%s of %s was answered %s and is %s", p.Act, p.ID, p.Status,
			s.History[p.Version-2].To)
	}
	moves := map[string]int{"submit": 1, "approve": 1, "reject": 1}[p.Act]
	if p.Act == "approve" && p.Status == settlement.InReview {
		moves = 0 // another person has to approve the settlement too
		b.checkApprovalKept(s, p)
	}
	// a cancellation or reopening may write two settlements; a repeated act keeps its first version
	if p.Act != "cancel" && p.Act != "reopen" && p.Act != "again" && p.Version != p.SeenVersion+moves {
		b.world.ReportBroken("P4", "%s of %s on version %d was taken when it had version %d", p.Act, p.ID,
			p.SeenVersion, p.Version-moves)
	}
	if moves > 0 && p.Version > 1 && s.History[p.Version-2].By != p.By {
		b.world.ReportBroken("P9", "%s of %s by %s is recorded as by %s", p.Act, p.ID, p.By,
			s.History[p.Version-2].By)
	}
}

// checkLineAnswer checks that an income line which was answered as recorded is stored in its
// bucket.
func (b *Examiner) checkLineAnswer(p people.LineAnswer) {
	period, _, _ := strings.Cut(p.Bucket, "#")
	for k, it := range b.lines {
		if strings.HasPrefix(k, keys.CreatorBook(p.Tenant, p.Creator)+"/L#") &&
			strings.HasSuffix(k, "#"+p.IncomeType+"#"+p.Line) &&
			dynamo.TextOf(it, "b") == period && dynamo.NumberOf(it, "dist") == p.Amount.Fen() {
			return
		}
	}
	b.world.ReportBroken("P9", "line %s of %s/%s was answered as in %s and is not there", p.Line,
		p.Tenant, p.Creator, p.Bucket)
}
