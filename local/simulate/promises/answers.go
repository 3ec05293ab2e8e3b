package promises

import (
	"strings"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/settlement"
)

// checkAnswers checks promise P9: what was answered with 2xx is true.
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
		s := b.settlements[string(p.Tenant+"/")+p.ID]
		if p.Version < 1 || p.Version > len(s.History)+1 {
			b.world.ReportBroken("P9", "%s of %s was answered with version %d, there are %d", p.Act, p.ID,
				p.Version,
				len(s.History)+1)
			continue
		}
		if p.Version > 1 && s.History[p.Version-2].To != p.Status {
			b.world.ReportBroken("P9", "%s of %s was answered %s and is %s", p.Act, p.ID, p.Status,
				s.History[p.Version-2].To)
		}
		moved := map[string]int{"submit": 1, "approve": 1, "reject": 1}[p.Act]
		if p.Act == "approve" && p.Status == settlement.InReview {
			moved = 0 // another person has to approve it too
			b.checkApprovalKept(s, p)
		}
		if p.Act != "cancel" && p.Act != "reopen" && p.Act != "again" && p.Version != p.SeenVersion+moved {
			b.world.ReportBroken("P4", "%s of %s on version %d was taken when it had version %d", p.Act,
				p.ID, p.SeenVersion,
				p.Version-moved)
		}
		if moved > 0 && p.Version > 1 && s.History[p.Version-2].By != p.By {
			b.world.ReportBroken("P9", "%s of %s by %s is told as by %s", p.Act, p.ID, p.By,
				s.History[p.Version-2].By)
		}
	}
	for _, p := range b.actors.Answered.Lines {
		period, _, _ := strings.Cut(p.Bucket, "#")
		found := false
		for k, it := range b.lines {
			if strings.HasPrefix(k, keys.CreatorBook(p.Tenant, p.Creator)+"/L#") &&
				strings.HasSuffix(k, "#"+p.IncomeType+"#"+p.Line) &&
				dynamo.TextOf(it, "b") == period && dynamo.NumberOf(it, "dist") == p.Amount.Fen() {
				found = true
			}
		}
		if !found {
			b.world.ReportBroken("P9", "line %s of %s/%s was answered as in %s and is not there", p.Line,
				p.Tenant,
				p.Creator, p.Bucket)
		}
	}
}
