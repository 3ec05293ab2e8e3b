package policytest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// statement is one line of a function's own policy.
type statement struct {
	function  string // name as in functions/
	actions   []string
	resources []any
}

// statements are the policies of all functions.
func statements(t *testing.T, tpl template) []statement {
	t.Helper()
	var all []statement
	for _, f := range tpl.of("AWS::Serverless::Function") {
		role := tpl.resources[target(f.properties["Role"])]
		for _, p := range list(role.properties["Policies"]) {
			for _, s := range list(get(p, "PolicyDocument", "Statement")) {
				if text(s, "Effect") != "Allow" {
					t.Errorf("%s: a statement that is not Allow", f.id)
				}
				all = append(all, statement{function: name(f), actions: words(get(s, "Action")), resources: list(get(s, "Resource"))})
			}
		}
	}
	if len(all) < len(tpl.of("AWS::Serverless::Function")) {
		t.Fatalf("read only %d statements", len(all))
	}
	return all
}

// name is the folder of a function, taken from its code.
func name(f resource) string {
	return strings.TrimSuffix(filepath.Base(text(f.properties, "CodeUri")), ".zip")
}

func TestPoliciesNameActionsAndResourcesOneByOne(t *testing.T) {
	tpl := load(t)
	inBucket := regexp.MustCompile(`^(\$\{AuditBucket\.Arn\}|\$\{DocumentsBucket\.Arn\}/(?:fonts|statements|certificates)|arn:\$\{AWS::Partition\}:s3:::\$\{AWS::StackName\}-rules-\$\{AWS::AccountId\}-\$\{AWS::Region\}(/packs)?)/\*$`)
	for _, s := range statements(t, tpl) {
		for _, a := range s.actions {
			if strings.Contains(a, "*") {
				t.Errorf("%s may %s: name the actions", s.function, a)
			}
		}
		for _, r := range s.resources {
			if sub := text(r, "Fn::Sub"); sub != "" {
				if strings.Contains(sub, "*") && !inBucket.MatchString(sub) {
					t.Errorf("%s may act on %s: name the resource", s.function, sub)
				}
			} else if _, ok := tpl.resources[target(r)]; !ok {
				t.Errorf("%s may act on %v, which is not a resource of this template", s.function, r)
			}
		}
	}
}

// kept are the tables of which nothing is ever taken away.
var kept = []string{"LedgerTable", "SettlementsTable", "TenancyTable"}

func TestNobodyMayScanOrDeleteMoney(t *testing.T) {
	forbidden := map[string]string{
		"dynamodb:Scan": "it ignores tenants", "dynamodb:DeleteTable": "", "dynamodb:PartiQLSelect": "it can scan",
		"dynamodb:PartiQLUpdate": "", "dynamodb:PartiQLDelete": "",
		"s3:DeleteObject": "", "s3:DeleteObjectVersion": "", "s3:BypassGovernanceRetention": "", "kms:ScheduleKeyDeletion": "", "kms:Encrypt": "data keys are made by GenerateDataKey",
	}
	for _, s := range statements(t, load(t)) {
		for _, a := range s.actions {
			if why, ok := forbidden[a]; ok {
				t.Errorf("%s may %s %s", s.function, a, why)
			}
			unconditional := a == "dynamodb:DeleteItem" || a == "dynamodb:BatchWriteItem"
			if unconditional && slices.ContainsFunc(s.resources, func(r any) bool { return slices.Contains(kept, target(r)) }) {
				t.Errorf("%s may %s where nothing is ever deleted or overwritten blindly", s.function, a)
			}
			if a == "dynamodb:PartiQLInsert" && (s.function != "record-incentive" || target(s.resources[0]) != "IncentivesTable") {
				t.Errorf("%s may insert by PartiQL, which only record-incentive does, on incentives", s.function)
			}
		}
	}
}

// environments tells which variables a function that may act on a resource is told about, and the other way round.
var environments = map[string]string{
	"TABLE_INCENTIVES": "IncentivesTable", "TABLE_SETTLEMENTS": "SettlementsTable", "TABLE_LEDGER": "LedgerTable",
	"TABLE_CONTROL": "ControlTable", "TABLE_TENANCY": "TenancyTable",
	"QUEUE_TAX_URL": "TaxQueue", "QUEUE_SETTLE_URL": "SettleQueue", "QUEUE_PAYOUT_URL": "PayoutQueue",
	"QUEUE_AUDIT_URL": "AuditQueue", "QUEUE_COHORT_URL": "CohortQueue",
	"EVENT_BUS": "EventBus", "AUDIT_BUCKET": "AuditBucket", "DOCUMENTS_BUCKET": "DocumentsBucket", "DATA_KEY_ARN": "DataKey",
	"SIGNING_SECRET_ARN": "SigningSecret", "JWT_SECRET_ARN": "JwtSecret", "LOOKUP_SECRET_ARN": "LookupSecret", "GATEWAY_SECRET_ARN": "GatewaySecret",
}

func TestAFunctionMayUseOnlyWhatItIsToldOf(t *testing.T) {
	tpl := load(t)
	for _, f := range tpl.of("AWS::Serverless::Function") {
		told := map[string]bool{}
		for v := range variables(f) {
			if id, ok := environments[v]; ok {
				told[id] = true
			}
		}
		may := map[string]bool{}
		for _, s := range statements(t, tpl) {
			if s.function != name(f) || readsOnlyTriggers(s) {
				continue
			}
			for _, r := range s.resources {
				id := target(r)
				if id == "" {
					id, _, _ = strings.Cut(strings.TrimPrefix(text(r, "Fn::Sub"), "${"), ".")
				}
				if slices.Contains(slices.Collect(maps.Values(environments)), id) {
					may[id] = true
				}
			}
		}
		for id := range may {
			if !told[id] {
				t.Errorf("%s may use %s, of which it is not told: it has no use for it", name(f), id)
			}
		}
	}
}

// readsOnlyTriggers tells that a statement is there for an event source; the function needs no address for that.
func readsOnlyTriggers(s statement) bool {
	return slices.Contains(s.actions, "sqs:ReceiveMessage") || slices.Contains(s.actions, "dynamodb:GetRecords") || slices.Contains(s.actions, "dynamodb:ListStreams")
}

// variables are the environment of a function beyond what all have.
func variables(f resource) object {
	m, _ := get(f.properties, "Environment", "Variables").(object)
	return m
}

// readings finds what a program reads with shared/lambda/env.
var readings = regexp.MustCompile(`\.(?:Need|Have)\("([A-Z][A-Z0-9_]*)"\)`)

func TestFunctionsAreGivenTheVariablesTheyRead(t *testing.T) {
	tpl := load(t)
	for _, f := range tpl.of("AWS::Serverless::Function") {
		given := map[string]bool{}
		for v := range variables(f) {
			given[v] = true
		}
		for v := range get(tpl.globals, "Environment", "Variables").(object) {
			given[v] = true
		}
		own, all := sources(t, name(f))
		for _, m := range readings.FindAllStringSubmatch(own, -1) {
			if !given[m[1]] {
				t.Errorf("%s reads %s, which the template does not give", name(f), m[1])
			}
		}
		for v := range variables(f) {
			composed := strings.HasPrefix(v, "QUEUE_") && strings.Contains(all, `"QUEUE_" + `)
			if !composed && !strings.Contains(all, `"`+v+`"`) {
				t.Errorf("%s is given %s and does not read it", name(f), v)
			}
		}
	}
}

// ours is one of our packages: the text of its Go files, and all packages that it is made of.
type ours struct {
	text string
	deps []string
}

// packages are our packages below functions/, by import path; they are asked for once, since the Go tool is slow.
var packages = sync.OnceValues(func() (map[string]ours, error) {
	const format = `{{if not .Standard}}{{.ImportPath}} {{.Dir}} {{join .GoFiles ","}} {{join .Deps ","}}{{end}}`
	cmd := exec.Command("go", "list", "-pgo=off", "-deps", "-f", format, "./functions/...") // a profile gives each function packages of its own
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	found := map[string]ours{}
	for line := range strings.Lines(string(out)) {
		parts := strings.Split(strings.TrimSpace(line), " ")
		if len(parts) != 4 || !strings.HasPrefix(parts[0], "fenzhang/") {
			continue
		}
		p := ours{deps: strings.Split(parts[3], ",")}
		for _, file := range strings.Split(parts[2], ",") {
			content, err := os.ReadFile(filepath.Join(parts[1], file))
			if err != nil {
				return nil, err
			}
			p.text += string(content)
		}
		found[parts[0]] = p
	}
	return found, nil
})

// sources are the Go files of a function's folder, and those of all our packages that it is made of.
func sources(t *testing.T, function string) (own, all string) {
	t.Helper()
	known, err := packages()
	if err != nil {
		t.Fatalf("the functions cannot be listed: %v", err)
	}
	p, ok := known["fenzhang/functions/"+function]
	if !ok {
		t.Errorf("there is no functions/%s", function)
	}
	all = p.text
	for _, d := range p.deps {
		all += known[d].text
	}
	return p.text, all
}

func TestTemplateAndFoldersHoldTheSameFunctions(t *testing.T) {
	var deployed, written []string
	for _, f := range load(t).of("AWS::Serverless::Function") {
		deployed = append(deployed, name(f))
		if want := fmt.Sprintf("${AWS::StackName}-%s", name(f)); text(f.properties, "FunctionName", "Fn::Sub") != want {
			t.Errorf("%s is not called %s", f.id, want)
		}
	}
	paths, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		written = append(written, filepath.Base(filepath.Dir(p)))
	}
	slices.Sort(deployed)
	slices.Sort(written)
	if !slices.Equal(deployed, written) {
		t.Errorf("template: %v\nfolders:  %v", deployed, written)
	}
}

func TestEachFunctionHasRoleLogsAndAlarmOfItsOwn(t *testing.T) {
	tpl := load(t)
	roles := map[string]bool{}
	for _, f := range tpl.of("AWS::Serverless::Function") {
		role := target(f.properties["Role"])
		if role == "" || roles[role] {
			t.Errorf("%s has no role of its own", f.id)
		}
		roles[role] = true
		if tpl.resources[role].properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has managed policies: they allow more than it needs", role)
		}
		logs := tpl.resources[target(get(f.properties, "LoggingConfig", "LogGroup"))]
		if text(logs.properties, "LogGroupName", "Fn::Sub") != "/aws/lambda/${AWS::StackName}-"+name(f) || logs.properties["RetentionInDays"] == nil {
			t.Errorf("%s has no log group of its own with a retention", f.id)
		}
		if !alarmed(tpl, "AWS/Lambda", "Errors", f.id) {
			t.Errorf("%s has no alarm on errors", f.id)
		}
	}
}

func TestOnlyThisApiAndThisBucketMayCallFunctions(t *testing.T) {
	for _, p := range load(t).of("AWS::Lambda::Permission") {
		source := text(p.properties, "SourceArn", "Fn::Sub")
		switch principal := text(p.properties, "Principal"); principal {
		case "apigateway.amazonaws.com":
			if !strings.Contains(source, ":${HttpApi}/") {
				t.Errorf("%s does not name this API: %q", p.id, source)
			}
		case "s3.amazonaws.com":
			if !strings.Contains(source, "${AWS::StackName}-rules-") || p.properties["SourceAccount"] == nil {
				t.Errorf("%s does not name this bucket and account", p.id)
			}
		default:
			t.Errorf("%s lets %q call a function", p.id, principal)
		}
	}
}
