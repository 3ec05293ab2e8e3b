package engine

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The tables of a world.
const (
	IncentivesTable  = "incentives"
	SettlementsTable = "settlements"
	LedgerTable      = "ledger"
	ControlTable     = "control"
)

// tableSchemas returns the tables of template.yaml that hold money, with their indexes and
// streams.
func tableSchemas() []*dynamodb.CreateTableInput {
	s := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name),
			AttributeType: types.ScalarAttributeTypeS}
	}
	schema := func(pk, sk string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange}}
	}
	var out []*dynamodb.CreateTableInput
	for _, name := range []string{IncentivesTable, SettlementsTable, LedgerTable, ControlTable} {
		in := &dynamodb.CreateTableInput{TableName: aws.String(name),
			BillingMode:          types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{s("pk"), s("sk")},
			KeySchema:            schema("pk", "sk")}
		if name == IncentivesTable || name == SettlementsTable {
			in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
				StreamViewType: types.StreamViewTypeNewImage}
		}
		if name == SettlementsTable {
			in.AttributeDefinitions = append(in.AttributeDefinitions, s("at"))
			for _, index := range [][2]string{{"by-taxpayer", "tp_pk"}, {"by-creator", "cr_pk"},
				{"by-opening", "op_pk"}} {
				in.AttributeDefinitions = append(in.AttributeDefinitions, s(index[1]))
				in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes,
					types.GlobalSecondaryIndex{IndexName: aws.String(index[0]),
						KeySchema:  schema(index[1], "at"),
						Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}})
			}
		}
		out = append(out, in)
	}
	return out
}
