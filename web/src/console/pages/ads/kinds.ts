/** The kinds of records: their words, what they name, and what names them. */

import type { AdRecord } from "../../../api/types.ts";

export interface KindOf {
  kind: string;
  one: string;
  many: string;
  /** Its name among the schemas. */
  schema: string;
  /** The field that names the record above it, and that record's kind. */
  above?: { field: string; kind: string };
  /** Fields that name records, by path without places: `creatives.creative`. */
  names: Readonly<Record<string, string>>;
  /** Others refer to it by its name, and not by its id. */
  named?: boolean;
  /** Shown among the first. */
  daily?: boolean;
}

export const KINDS: readonly KindOf[] = [
  { kind: "campaign", one: "campaign", many: "Campaigns", schema: "Campaign", above: { field: "advertiser", kind: "advertiser" }, names: { advertiser: "advertiser" }, daily: true },
  { kind: "insertion_order", one: "order", many: "Orders", schema: "InsertionOrder", above: { field: "campaign", kind: "campaign" }, names: { campaign: "campaign" }, daily: true },
  {
    kind: "line_item",
    one: "line item",
    many: "Line items",
    schema: "LineItem",
    above: { field: "insertion_order", kind: "insertion_order" },
    names: { insertion_order: "insertion_order", "creatives.creative": "creative" },
    daily: true,
  },
  { kind: "creative", one: "creative", many: "Creatives", schema: "Creative", above: { field: "brand", kind: "brand" }, names: { brand: "brand", ad_type: "ad_type" }, daily: true },
  { kind: "break", one: "break", many: "Breaks", schema: "AdBreak", above: { field: "placement", kind: "placement" }, names: { placement: "placement" }, daily: true },
  { kind: "placement", one: "placement", many: "Placements", schema: "Placement", names: { ad_types: "ad_type", refuses: "category" }, daily: true },
  { kind: "advertiser", one: "advertiser", many: "Advertisers", schema: "Advertiser", names: {} },
  { kind: "brand", one: "brand", many: "Brands", schema: "Brand", above: { field: "advertiser", kind: "advertiser" }, names: { advertiser: "advertiser", categories: "category" } },
  { kind: "audience", one: "audience", many: "Audiences", schema: "AudienceReference", names: { audience: "audience()" }, named: true },
  { kind: "category", one: "category", many: "Categories", schema: "Category", names: { parent: "category" }, named: true },
  { kind: "ad_type", one: "ad type", many: "Ad types", schema: "AdType", names: {}, named: true },
  { kind: "dimension", one: "dimension", many: "Dimensions", schema: "NewDimension", names: {}, named: true },
];

/** What is known of a kind; undefined where there is none of that word. */
export function kindOf(kind: string): KindOf | undefined {
  return KINDS.find((one) => one.kind === kind);
}

/** The kinds whose records stand under one of this kind. */
export function below(kind: string): readonly KindOf[] {
  return KINDS.filter((one) => one.above?.kind === kind);
}

/** What a record says, field by field. */
export function fieldsOf(record: AdRecord): Readonly<Record<string, unknown>> {
  return record.noun as unknown as Record<string, unknown>;
}

/** What a record is called, for people. */
export function nameOf(record: AdRecord): string {
  const { name, point, title } = fieldsOf(record);
  if (typeof name === "string" && name) return name;
  if (typeof point === "string") return `${point}-roll${title ? ` of ${String(title)}` : " of every title"}`;
  return record.id;
}

/** How others refer to a record. */
export function keyOf(record: AdRecord): string {
  return kindOf(record.kind)?.named ? nameOf(record) : record.id;
}
