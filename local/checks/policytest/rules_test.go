package policytest

import (
	"strings"
	"testing"
)

// Who computes reads packs and their pointers and can change neither; who publishes never computes.
func TestOnlyPublishingChangesTheRules(t *testing.T) {
	tpl := load(t)
	const bucket = "${AWS::StackName}-rules-"
	writers := map[string]bool{}
	for _, s := range statements(t, tpl) {
		for _, r := range s.resources {
			if !strings.Contains(text(r, "Fn::Sub"), bucket) {
				continue
			}
			for _, a := range s.actions {
				if a == "s3:PutObject" {
					writers[s.function] = true
					if !strings.HasSuffix(text(r, "Fn::Sub"), "/packs/*") {
						t.Errorf("%s writes where packs are handed in", s.function)
					}
				}
			}
		}
	}
	if len(writers) != 1 || !writers["publish-rules"] {
		t.Errorf("writers of packs: %v", writers)
	}
}

// A function that loads packs at run time knows where they lie, whom to trust, and may read them.
func TestFunctionsThatComputeLoadPacks(t *testing.T) {
	tpl := load(t)
	loaders := 0
	for _, f := range tpl.of("AWS::Serverless::Function") {
		own, _ := sources(t, name(f))
		loads := strings.Contains(own, "p.TaxService(") || strings.Contains(own, "p.RuleSet(") || strings.Contains(own, "publish.New(")
		told := variables(f)["RULES_BUCKET"] != nil && target(variables(f)["RULES_PUBLISHER_KEYS"]) == "RulesPublisherKeys"
		if loads != told {
			t.Errorf("%s loads packs: %v, is told where and whose: %v", name(f), loads, told)
		}
		if loads {
			loaders++
			if !mayRead(t, tpl, name(f)) {
				t.Errorf("%s may not read the packs it loads", name(f))
			}
		}
	}
	if loaders < 2 {
		t.Errorf("%d functions load packs", loaders)
	}
}

func mayRead(t *testing.T, tpl template, function string) bool {
	objects, pointers := false, false
	for _, s := range statements(t, tpl) {
		if s.function != function {
			continue
		}
		for _, a := range s.actions {
			objects = objects || (a == "s3:GetObject" && strings.Contains(text(s.resources[0], "Fn::Sub"), "-rules-"))
			pointers = pointers || (a == "dynamodb:GetItem" && target(s.resources[0]) == "TenancyTable")
		}
	}
	return objects && pointers
}

// The alarms on refused packs, on functions that cannot load them, on settlements that the system leaves behind and on
// calendars that are not loaded hear exactly what the code says.
func TestAlarmsHearTheCode(t *testing.T) {
	tpl := load(t)
	for filter, sentences := range map[string][]string{"PublishRulesRefusals": {"pack refused"}, "ComputeTaxKeptRules": {"rules kept", "shadow left out"},
		"AdvanceSettlementOverdue": {"settlements overdue", "quote", "book", "send", "gateway"}, "AdvanceSettlementCalendars": {"calendar not loaded"}} {
		function := map[string]string{"PublishRulesRefusals": "publish-rules", "ComputeTaxKeptRules": "compute-tax", "AdvanceSettlementOverdue": "advance-settlement", "AdvanceSettlementCalendars": "advance-settlement"}[filter]
		p := tpl.resources[filter].properties
		if p == nil {
			t.Errorf("no metric filter %s", filter)
			continue
		}
		metric := text(list(p["MetricTransformations"])[0], "MetricName")
		rings := false
		for _, a := range tpl.of("AWS::CloudWatch::Alarm") {
			rings = rings || (text(a.properties, "MetricName") == metric && number(a.properties, "Threshold") == 0 && a.properties["AlarmActions"] != nil)
		}
		if !rings {
			t.Errorf("no alarm on %s", metric)
		}
		for _, s := range sentences {
			if !strings.Contains(text(p, "FilterPattern"), `"`+s+`"`) {
				t.Errorf("%s does not look for %q", filter, s)
			}
			if _, all := sources(t, function); !strings.Contains(all, `"`+s+`"`) {
				t.Errorf("%s never logs %q", function, s)
			}
		}
	}
}

// A stored pack is written once and stays: figures of years ago are computed again from it.
func TestStoredPacksStay(t *testing.T) {
	denied := map[string]bool{}
	for _, s := range list(get(load(t).resources["RulesBucketPolicy"].properties, "PolicyDocument", "Statement")) {
		if text(s, "Effect") == "Deny" && text(s, "Resource", "Fn::Sub") == "${RulesBucket.Arn}/packs/*" {
			for _, a := range words(get(s, "Action")) {
				denied[a] = a != "s3:PutObject" || get(s, "Condition", "Null", "s3:if-none-match") == "true"
			}
		}
	}
	for _, a := range []string{"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"} {
		if !denied[a] {
			t.Errorf("%s is not denied on stored packs", a)
		}
	}
}
