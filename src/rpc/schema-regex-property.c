/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The properties of characters that \p{...} names in ECMA-262 (tables 66 to 68 of its 14th edition), in PCRE2's
 * words. Names are as exact as they are there.
 */
#include "rpc/schema-regex.h"

static const struct { const char *name, *is; } categories[] = {
	{ "Cased_Letter", "L&" }, { "LC", "L&" }, { "Close_Punctuation", "Pe" }, { "Pe", "Pe" },
	{ "Connector_Punctuation", "Pc" }, { "Pc", "Pc" }, { "Control", "Cc" }, { "Cc", "Cc" }, { "cntrl", "Cc" },
	{ "Currency_Symbol", "Sc" }, { "Sc", "Sc" }, { "Dash_Punctuation", "Pd" }, { "Pd", "Pd" },
	{ "Decimal_Number", "Nd" }, { "Nd", "Nd" }, { "digit", "Nd" }, { "Enclosing_Mark", "Me" }, { "Me", "Me" },
	{ "Final_Punctuation", "Pf" }, { "Pf", "Pf" }, { "Format", "Cf" }, { "Cf", "Cf" },
	{ "Initial_Punctuation", "Pi" }, { "Pi", "Pi" }, { "Letter", "L" }, { "L", "L" }, { "Letter_Number", "Nl" },
	{ "Nl", "Nl" }, { "Line_Separator", "Zl" }, { "Zl", "Zl" }, { "Lowercase_Letter", "Ll" }, { "Ll", "Ll" },
	{ "Mark", "M" }, { "M", "M" }, { "Combining_Mark", "M" }, { "Math_Symbol", "Sm" }, { "Sm", "Sm" },
	{ "Modifier_Letter", "Lm" }, { "Lm", "Lm" }, { "Modifier_Symbol", "Sk" }, { "Sk", "Sk" },
	{ "Nonspacing_Mark", "Mn" }, { "Mn", "Mn" }, { "Number", "N" }, { "N", "N" }, { "Open_Punctuation", "Ps" },
	{ "Ps", "Ps" }, { "Other", "C" }, { "C", "C" }, { "Other_Letter", "Lo" }, { "Lo", "Lo" }, { "Other_Number", "No" },
	{ "No", "No" }, { "Other_Punctuation", "Po" }, { "Po", "Po" }, { "Other_Symbol", "So" }, { "So", "So" },
	{ "Paragraph_Separator", "Zp" }, { "Zp", "Zp" }, { "Private_Use", "Co" }, { "Co", "Co" }, { "Punctuation", "P" },
	{ "P", "P" }, { "punct", "P" }, { "Separator", "Z" }, { "Z", "Z" }, { "Space_Separator", "Zs" }, { "Zs", "Zs" },
	{ "Spacing_Mark", "Mc" }, { "Mc", "Mc" }, { "Surrogate", "Cs" }, { "Cs", "Cs" }, { "Symbol", "S" }, { "S", "S" },
	{ "Titlecase_Letter", "Lt" }, { "Lt", "Lt" }, { "Unassigned", "Cn" }, { "Cn", "Cn" },
	{ "Uppercase_Letter", "Lu" }, { "Lu", "Lu" },
};

static const char *const binaries[] = {
	"AHex", "ASCII", "ASCII_Hex_Digit", "Alpha", "Alphabetic", "Any", "Bidi_C", "Bidi_Control", "Bidi_M", "Bidi_Mirrored",
	"CI", "CWCF", "CWCM", "CWL", "CWT", "CWU", "Case_Ignorable", "Cased", "Changes_When_Casefolded",
	"Changes_When_Casemapped", "Changes_When_Lowercased", "Changes_When_Titlecased", "Changes_When_Uppercased", "DI", "Dash",
	"Default_Ignorable_Code_Point", "Dep", "Deprecated", "Dia", "Diacritic", "EBase", "EComp", "EMod", "EPres", "Emoji",
	"Emoji_Component", "Emoji_Modifier", "Emoji_Modifier_Base", "Emoji_Presentation", "Ext", "ExtPict",
	"Extended_Pictographic", "Extender", "Gr_Base", "Gr_Ext", "Grapheme_Base", "Grapheme_Extend", "Hex", "Hex_Digit",
	"IDC", "IDS", "IDSB", "IDST", "IDS_Binary_Operator", "IDS_Trinary_Operator", "ID_Continue", "ID_Start", "Ideo",
	"Ideographic", "Join_C", "Join_Control", "LOE", "Logical_Order_Exception", "Lower", "Lowercase", "Math", "NChar",
	"Noncharacter_Code_Point", "Pat_Syn", "Pat_WS", "Pattern_Syntax", "Pattern_White_Space", "QMark", "Quotation_Mark",
	"RI", "Radical", "Regional_Indicator", "SD", "STerm", "Sentence_Terminal", "Soft_Dotted", "Term",
	"Terminal_Punctuation", "UIdeo", "Unified_Ideograph", "Upper", "Uppercase", "VS", "Variation_Selector",
	"White_Space", "XIDC", "XIDS", "XID_Continue", "XID_Start", "space",
};

static bool category(struct span value, bool not, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(categories); i++)
		if (span_is(value, categories[i].name))
			return buf_printf(out, "\\%c{%s}", not ? 'P' : 'p', categories[i].is) == 0;
	return false;
}

bool regex_property(struct span name, struct span value, bool not, struct buf *out)
{
	char p = not ? 'P' : 'p';

	if (name.n > 0) {
		bool script = span_is(name, "Script") || span_is(name, "sc");
		bool extensions = span_is(name, "Script_Extensions") || span_is(name, "scx");
		if ((script || extensions) && value.n > 0)
			return buf_printf(out, "\\%c{%s:%.*s}", p, script ? "sc" : "scx", (int)value.n, value.p) == 0;
		return (span_is(name, "General_Category") || span_is(name, "gc")) && category(value, not, out);
	}
	if (category(value, not, out))
		return true;
	if (span_is(value, "Assigned"))
		return buf_printf(out, "\\%c{Cn}", not ? 'p' : 'P') == 0;
	for (size_t i = 0; i < ARRAY_SIZE(binaries); i++)
		if (span_is(value, binaries[i]))
			return buf_printf(out, "\\%c{%s}", p, binaries[i]) == 0;
	return false;
}
