package policytest

import (
	"slices"
	"testing"
)

func TestTablesKeepMoney(t *testing.T) {
	tpl := load(t)
	streams := []string{"IncentivesTable", "SettlementsTable"}
	tables := tpl.of("AWS::DynamoDB::Table")
	if len(tables) != 5 {
		t.Errorf("%d tables, not 5", len(tables))
	}
	for _, r := range tables {
		p := r.properties
		if text(p, "BillingMode") != "PAY_PER_REQUEST" || get(p, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true || get(p, "SSESpecification", "SSEEnabled") != true {
			t.Errorf("%s is not on demand, restorable and encrypted", r.id)
		}
		if protection := words(get(p, "DeletionProtectionEnabled", "Fn::If")); !slices.Equal(protection, []string{"IsProduction", "true", "false"}) {
			t.Errorf("%s: deletion protection is %v", r.id, protection)
		}
		if r.policy != "RetainExceptOnCreate" {
			t.Errorf("%s goes away with its stack", r.id)
		}
		if p["LocalSecondaryIndexes"] != nil {
			t.Errorf("%s has a local index: it caps an item collection", r.id)
		}
		if (p["TimeToLiveSpecification"] != nil) != (r.id == "ControlTable") {
			t.Errorf("%s: only the control table forgets by itself", r.id)
		}
		if hasStream := text(p, "StreamSpecification", "StreamViewType") == "NEW_IMAGE"; hasStream != slices.Contains(streams, r.id) {
			t.Errorf("%s: stream %v", r.id, p["StreamSpecification"])
		}
	}
}

func TestAuditBucketLocks(t *testing.T) {
	tpl := load(t)
	p := tpl.resources["AuditBucket"].properties
	retention := get(p, "ObjectLockConfiguration", "Rule", "DefaultRetention")
	if p["ObjectLockEnabled"] != true || text(p, "VersioningConfiguration", "Status") != "Enabled" {
		t.Error("the audit bucket has no Object Lock")
	}
	if mode := words(get(retention, "Mode", "Fn::If")); !slices.Equal(mode, []string{"IsProduction", "COMPLIANCE", "GOVERNANCE"}) {
		t.Errorf("mode %v", mode)
	}
	if days := words(get(retention, "Days", "Fn::If")); len(days) != 3 || days[2] != "1" {
		t.Errorf("test stacks lock for %v days", days)
	}
	sids := map[string][]string{}
	for _, b := range tpl.of("AWS::S3::BucketPolicy") {
		for _, s := range list(get(b.properties, "PolicyDocument", "Statement")) {
			if text(s, "Effect") == "Deny" {
				bucket := target(b.properties["Bucket"])
				sids[bucket] = append(sids[bucket], text(s, "Sid"))
			}
		}
	}
	if !slices.Contains(sids["AuditBucket"], "WriteOnce") {
		t.Error("an audit object can be written a second time")
	}
	for _, b := range tpl.of("AWS::S3::Bucket") {
		if !slices.Contains(sids[b.id], "OverTlsOnly") {
			t.Errorf("%s takes calls without TLS", b.id)
		}
		for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if get(b.properties, "PublicAccessBlockConfiguration", block) != true {
				t.Errorf("%s: %s is off", b.id, block)
			}
		}
	}
}

// open are the routes without a token; the wrapper has the same list.
var open = []string{"GET /healthz", "GET /v1/openapi.json", "POST /v1/payouts/callbacks/{gateway}"}

func TestRoutesHaveTheAuthorizerAndNoForgedTenant(t *testing.T) {
	tpl := load(t)
	var without []string
	for _, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		key := text(r.properties, "RouteKey")
		integration := integrationOf(tpl, r)
		header := get(integration.properties, "RequestParameters")
		switch text(r.properties, "AuthorizationType") {
		case "CUSTOM":
			if target(r.properties["AuthorizerId"]) != "Authorizer" || text(header, "overwrite:header.x-tenant-id") != "$context.authorizer.tenant" {
				t.Errorf("%s: the tenant header is not the authorizer's", key)
			}
		case "NONE":
			without = append(without, key)
			if get(header, "remove:header.x-tenant-id") == nil {
				t.Errorf("%s: a client's tenant header arrives", key)
			}
		default:
			t.Errorf("%s has no authorization type", key)
		}
	}
	slices.Sort(without)
	if !slices.Equal(without, open) {
		t.Errorf("open routes: %v", without)
	}
	a := tpl.resources["Authorizer"].properties
	if !slices.Equal(words(a["IdentitySource"]), []string{"$request.header.Authorization"}) || number(a, "AuthorizerResultTtlInSeconds") != 30 || a["EnableSimpleResponses"] != true {
		t.Errorf("authorizer: %v", a)
	}
}
