/* SPDX-License-Identifier: MIT */
/*
 * The grammar: OMG IDL 4.2 as far as it makes sense for remote calls, plus map<> and stream<>.
 * Actions only build; what it all means is check.c's. Each body (a list between braces) can
 * swallow a syntax error, so that one run reports them all; grammar.md tells it for readers.
 */
%require "3.8"
%define api.pure full
%define api.prefix {idl_yy}
%define api.token.prefix {TOK_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%param {struct front *front}

%code requires {
#include "memory.h"
#include "tree.h"
}

%code {
#include "diag.h"
#include "feed.h"
#include "front.h"
#include "parser.h"
#include "syntax.h"

/* The stack never moves to the heap: unwinding from memory exhaustion would leave it there. */
#define YYINITDEPTH 2000
#define YYMAXDEPTH  2000

#define YYLLOC_DEFAULT(current, rhs, n)                                                            \
	do {                                                                                       \
		int place_ = 1;                                                                    \
		while (place_ <= (n) && !YYRHSLOC(rhs, place_).valid)                              \
			place_++;                                                                  \
		(current) = YYRHSLOC(rhs, place_ <= (n) ? place_ : 0);                             \
		if (place_ > (n)) {                                                                \
			(current).valid = false;                                                   \
			(current).doc = NULL;                                                      \
		}                                                                                  \
	} while (0)

#undef yylex
#define yylex feed_next
#define RECOVER(comma)                                                                             \
	do {                                                                                       \
		feed_recover(front, &yychar, &yylval, &yylloc, comma);                             \
		if (yychar != TOK_YYEOF)                                                           \
			yyerrok;                                                                   \
	} while (0)

static void yyerror(const struct span *span, struct front *front, const char *text)
{
	(void)text; /* the only one left is that the stack is used up */
	if (!front->stopped)
		diag_error(front->diag, &span->loc, "nested too deep");
	front->stopped = true;
}
}

%union {
	const char *text;
	struct list *list;
	struct raw_decl *decl;
	struct raw_type *type;
	struct name *name;
	struct expr *expr;
	struct declarator *declarator;
	struct annotation *annotation;
	struct argument *argument;
	int number;
}

%token <text> IDENT "a name"
%token <expr> INTEGER "a number" FLOAT "a float" FIXED "a fixed-point number"
%token <expr> STRING "a string" CHAR "a character"
%token <decl> POISONED "an unsupported declaration"
%token ANY "any" ATTRIBUTE "attribute" BOOLEAN "boolean" CASE "case" CHAR_TYPE "char"
%token CONST "const" CONTEXT "context" DEFAULT "default" DOUBLE "double" ENUM "enum"
%token EXCEPTION "exception" FALSE "FALSE" FIXED_TYPE "fixed" FLOAT_TYPE "float"
%token GETRAISES "getraises" IN "in" INOUT "inout" INTERFACE "interface" LONG "long" MAP "map"
%token MODULE "module" OBJECT "Object" OCTET "octet" ONEWAY "oneway" OUT "out" RAISES "raises"
%token READONLY "readonly" SEQUENCE "sequence" SETRAISES "setraises" SHORT "short"
%token STREAM "stream" STRING_TYPE "string" STRUCT "struct" SWITCH "switch" TRUE "TRUE"
%token TYPEDEF "typedef" UNION "union" UNSIGNED "unsigned" VOID "void" WCHAR "wchar"
%token WSTRING "wstring"
%token SCOPE "::" SHL "<<" SHR ">>"
%token AND_AND "&&" OR_OR "||" EQUAL "==" UNEQUAL "!=" LESS_EQUAL "<=" GREATER_EQUAL ">="
%token BAD "a bad token"

%type <list> definitions definition declaration exports export export_declaration
%type <list> annotations arguments argument_list members member cases case labels enumerators
%type <list> inheritance names params param_list raises get_raises set_raises
%type <list> declarators typedef attribute plain_names
%type <decl> module interface const struct union enum exception operation enumerator param
%type <decl> forward definition_of_type
%type <type> type type_or_definition result number_type string_type template_type
%type <name> scoped_name
%type <expr> expr literal strings label
%type <declarator> declarator
%type <annotation> annotation
%type <argument> argument
%type <number> direction oneway context

%left '|'
%left '^'
%left '&'
%left SHL SHR
%left '+' '-'
%left '*' '/' '%'
%precedence SIGN

%start file

%%

file:
	definitions { tree_append(front, &front->root->body, $1); }
	;

definitions:
	%empty { $$ = tree_list(front); }
|	definitions definition { $$ = tree_append(front, $1, $2); }
|	definitions ';'
|	definitions bad
	;

bad:
	error { RECOVER(false); }
	;

/* A missing ';' costs one message, not the declaration before it. */
end:
	';'
|	error
	;

definition:
	annotations declaration end { $$ = tree_annotate(front, $2, $1, @$.doc); }
	;

declaration:
	module { $$ = tree_add(front, tree_list(front), $1); }
|	interface { $$ = tree_add(front, tree_list(front), $1); }
|	export_declaration
	;

export_declaration: /* what may stand in a module and in an interface */
	const { $$ = tree_add(front, tree_list(front), $1); }
|	exception { $$ = tree_add(front, tree_list(front), $1); }
|	definition_of_type { $$ = tree_add(front, tree_list(front), $1); }
|	forward { $$ = tree_add(front, tree_list(front), $1); }
|	typedef
|	POISONED { $$ = tree_add(front, tree_list(front), $1); }
	;

definition_of_type:
	struct
|	union
|	enum
	;

forward:
	STRUCT IDENT {
		$$ = tree_decl(front, AST_STRUCT, $2, &@2.loc);
		$$->decl.is_forward = true;
	}
|	UNION IDENT {
		$$ = tree_decl(front, AST_UNION, $2, &@2.loc);
		$$->decl.is_forward = true;
	}
	;

module:
	MODULE IDENT '{' definitions '}' {
		$$ = tree_decl(front, AST_MODULE, $2, &@2.loc);
		$$->body = *$4;
	}
	;

interface:
	INTERFACE IDENT {
		$$ = tree_decl(front, AST_INTERFACE, $2, &@2.loc);
		$$->decl.is_forward = true;
	}
|	INTERFACE IDENT inheritance '{' exports '}' {
		$$ = tree_decl(front, AST_INTERFACE, $2, &@2.loc);
		$$->bases = *$3;
		$$->body = *$5;
	}
	;

inheritance:
	%empty { $$ = tree_list(front); }
|	':' names { $$ = $2; }
	;

names:
	scoped_name { $$ = tree_add(front, tree_list(front), $1); }
|	names ',' scoped_name { $$ = tree_add(front, $1, $3); }
	;

exports:
	%empty { $$ = tree_list(front); }
|	exports export { $$ = tree_append(front, $1, $2); }
|	exports ';'
|	exports bad
	;

export:
	annotations export_declaration end { $$ = tree_annotate(front, $2, $1, @$.doc); }
|	annotations operation end {
		$$ = tree_add(front, tree_list(front), $2);
		tree_annotate(front, $$, $1, @$.doc);
	}
|	annotations attribute end { $$ = tree_annotate(front, $2, $1, @$.doc); }
	;

operation:
	oneway result IDENT '(' params ')' raises context {
		$$ = tree_decl(front, AST_OPERATION, $3, &@3.loc);
		$$->decl.oneway = $1;
		$$->decl.type = &$2->type;
		$$->body = *$5;
		$$->raises = *$7;
		if ($8) {
			$$->clause = "context()";
			$$->clause_loc = @8.loc;
		}
	}
	;

oneway:
	%empty { $$ = 0; }
|	ONEWAY { $$ = 1; }
	;

result:
	VOID { $$ = tree_type(front, TYPE_VOID, &@1.loc); }
|	type
	;

params:
	%empty { $$ = tree_list(front); }
|	param_list
	;

param_list:
	param { $$ = tree_add(front, tree_list(front), $1); }
|	param_list ',' param { $$ = tree_add(front, $1, $3); }
	;

param:
	annotations direction type IDENT {
		$$ = tree_decl(front, AST_PARAM, $4, &@4.loc);
		$$->decl.direction = (enum ast_direction)$2;
		$$->decl.type = &$3->type;
		$$->decl.doc = @$.doc;
		$$->annotations = *$1;
	}
	;

direction:
	%empty { $$ = DIR_IN; }
|	IN { $$ = DIR_IN; }
|	OUT { $$ = DIR_OUT; }
|	INOUT { $$ = DIR_INOUT; }
	;

raises:
	%empty { $$ = tree_list(front); }
|	RAISES '(' names ')' { $$ = $3; }
	;

get_raises:
	raises
|	GETRAISES '(' names ')' { $$ = $3; }
	;

set_raises:
	%empty { $$ = tree_list(front); }
|	SETRAISES '(' names ')' { $$ = $3; }
	;

context:
	%empty { $$ = 0; }
|	CONTEXT '(' strings_list ')' { $$ = 1; }
	;

strings_list:
	strings
|	strings_list ',' strings
	;

attribute:
	ATTRIBUTE type plain_names get_raises set_raises {
		$$ = tree_attributes(front, $2, $3, $4, $5);
	}
|	READONLY ATTRIBUTE type plain_names get_raises {
		$$ = tree_attributes(front, $3, $4, $5, NULL);
	}
	;

plain_names:
	IDENT {
		$$ = tree_list(front);
		list_add(front, $$, tree_declarator(front, $1, &@1.loc));
	}
|	plain_names ',' IDENT {
		$$ = tree_add(front, $1, tree_declarator(front, $3, &@3.loc));
	}
	;

typedef:
	TYPEDEF type_or_definition declarators {
		$$ = tree_declare(front, AST_TYPEDEF, $2, $3);
	}
	;

declarators:
	declarator { $$ = tree_add(front, tree_list(front), $1); }
|	declarators ',' declarator { $$ = tree_add(front, $1, $3); }
	;

declarator:
	IDENT { $$ = tree_declarator(front, $1, &@1.loc); }
|	declarator '[' expr ']' {
		$$ = $1;
		list_add(front, &$$->dims, $3);
	}
	;

const:
	CONST type IDENT '=' expr {
		$$ = tree_decl(front, AST_CONST, $3, &@3.loc);
		$$->decl.type = &$2->type;
		$$->value = $5;
	}
	;

struct:
	STRUCT IDENT '{' members '}' {
		$$ = tree_decl(front, AST_STRUCT, $2, &@2.loc);
		$$->body = *$4;
	}
	;

exception:
	EXCEPTION IDENT '{' members '}' {
		$$ = tree_decl(front, AST_EXCEPTION, $2, &@2.loc);
		$$->body = *$4;
	}
	;

members:
	%empty { $$ = tree_list(front); }
|	members member { $$ = tree_append(front, $1, $2); }
|	members ';'
|	members bad
	;

member:
	annotations type_or_definition declarators end {
		$$ = tree_annotate(front, tree_declare(front, AST_MEMBER, $2, $3), $1, @$.doc);
	}
	;

union:
	UNION IDENT SWITCH '(' annotations type_or_definition ')' '{' cases '}' {
		$$ = tree_decl(front, AST_UNION, $2, &@2.loc);
		$$->decl.type = &$6->type;
		if ($6->type.decl)
			list_add(front, &$$->body, $6->type.decl);
		tree_append(front, &$$->body, $9);
	}
	;

cases:
	%empty { $$ = tree_list(front); }
|	cases case { $$ = tree_append(front, $1, $2); }
|	cases ';'
|	cases bad
	;

case:
	labels annotations type_or_definition declarator end {
		struct list *one = tree_add(front, tree_list(front), $4);
		struct raw_decl *member;

		$$ = tree_declare(front, AST_MEMBER, $3, one);
		tree_annotate(front, $$, $2, @2.valid ? @2.doc : @3.doc ? @3.doc : @1.doc);
		member = $$->items[$$->n - 1];
		tree_labels(front, member, $1);
	}
	;

labels:
	label { $$ = tree_add(front, tree_list(front), $1); }
|	labels label { $$ = tree_add(front, $1, $2); }
	;

label:
	CASE expr ':' { $$ = $2; }
|	DEFAULT ':' { $$ = NULL; }
	;

enum:
	ENUM IDENT '{' enumerators '}' {
		$$ = tree_decl(front, AST_ENUM, $2, &@2.loc);
		$$->body = *$4;
	}
|	ENUM IDENT '{' enumerators enumerator '}' {
		$$ = tree_decl(front, AST_ENUM, $2, &@2.loc);
		$$->body = *tree_add(front, $4, $5);
	}
	;

enumerators:
	%empty { $$ = tree_list(front); }
|	enumerators enumerator ',' { $$ = tree_add(front, $1, $2); }
|	enumerators bad_enumerator
	;

bad_enumerator:
	error { RECOVER(true); }
	;

enumerator:
	annotations IDENT {
		$$ = tree_decl(front, AST_ENUMERATOR, $2, &@2.loc);
		$$->annotations = *$1;
		$$->decl.doc = @$.doc;
	}
	;

annotations:
	%empty { $$ = tree_list(front); }
|	annotations annotation { $$ = tree_add(front, $1, $2); }
	;

annotation:
	'@' IDENT {
		$$ = tree_annotation(front, $2, &@1.loc, NULL);
	}
|	'@' IDENT '(' arguments ')' {
		$$ = tree_annotation(front, $2, &@1.loc, $4);
	}
	;

arguments:
	%empty { $$ = tree_list(front); }
|	argument_list
	;

argument_list:
	argument { $$ = tree_add(front, tree_list(front), $1); }
|	argument_list ',' argument { $$ = tree_add(front, $1, $3); }
	;

argument:
	expr { $$ = tree_argument(front, NULL, $1); }
|	IDENT '=' expr { $$ = tree_argument(front, $1, $3); }
	;

type_or_definition:
	type
|	definition_of_type { $$ = tree_type_defined(front, $1); }
	;

type:
	number_type
|	string_type
|	template_type
|	CHAR_TYPE { $$ = tree_type(front, TYPE_CHAR, &@1.loc); }
|	WCHAR { $$ = tree_type(front, TYPE_WCHAR, &@1.loc); }
|	BOOLEAN { $$ = tree_type(front, TYPE_BOOLEAN, &@1.loc); }
|	OCTET { $$ = tree_type(front, TYPE_OCTET, &@1.loc); }
|	ANY { $$ = tree_type(front, TYPE_ANY, &@1.loc); }
|	OBJECT { $$ = tree_type(front, TYPE_OBJECT, &@1.loc); }
|	scoped_name { $$ = tree_type_named(front, $1); }
	;

number_type:
	FLOAT_TYPE { $$ = tree_type(front, TYPE_FLOAT, &@1.loc); }
|	DOUBLE { $$ = tree_type(front, TYPE_DOUBLE, &@1.loc); }
|	LONG DOUBLE { $$ = tree_type_poisoned(front, "long double", &@1.loc); }
|	SHORT { $$ = tree_type(front, TYPE_INT16, &@1.loc); }
|	LONG { $$ = tree_type(front, TYPE_INT32, &@1.loc); }
|	LONG LONG { $$ = tree_type(front, TYPE_INT64, &@1.loc); }
|	UNSIGNED SHORT { $$ = tree_type(front, TYPE_UINT16, &@1.loc); }
|	UNSIGNED LONG { $$ = tree_type(front, TYPE_UINT32, &@1.loc); }
|	UNSIGNED LONG LONG { $$ = tree_type(front, TYPE_UINT64, &@1.loc); }
	;

string_type:
	STRING_TYPE { $$ = tree_type(front, TYPE_STRING, &@1.loc); }
|	WSTRING { $$ = tree_type(front, TYPE_STRING, &@1.loc); }
|	STRING_TYPE '<' expr '>' {
		$$ = tree_type(front, TYPE_STRING, &@1.loc);
		$$->bound = $3;
	}
|	WSTRING '<' expr '>' {
		$$ = tree_type(front, TYPE_STRING, &@1.loc);
		$$->bound = $3;
	}
	;

template_type:
	SEQUENCE '<' type '>' {
		$$ = tree_type(front, TYPE_SEQUENCE, &@1.loc);
		$$->type.elem = &$3->type;
	}
|	SEQUENCE '<' type ',' expr '>' {
		$$ = tree_type(front, TYPE_SEQUENCE, &@1.loc);
		$$->type.elem = &$3->type;
		$$->bound = $5;
	}
|	MAP '<' type ',' type '>' {
		$$ = tree_type(front, TYPE_MAP, &@1.loc);
		$$->type.key = &$3->type;
		$$->type.elem = &$5->type;
	}
|	MAP '<' type ',' type ',' expr '>' {
		$$ = tree_type(front, TYPE_MAP, &@1.loc);
		$$->type.key = &$3->type;
		$$->type.elem = &$5->type;
		$$->bound = $7;
	}
|	STREAM '<' type '>' {
		$$ = tree_type(front, TYPE_STREAM, &@1.loc);
		$$->type.elem = &$3->type;
	}
|	FIXED_TYPE '<' expr ',' expr '>' {
		$$ = tree_type_poisoned(front, "fixed", &@1.loc);
	}
	;

scoped_name:
	IDENT { $$ = tree_name(front, $1, false, &@1.loc); }
|	SCOPE IDENT { $$ = tree_name(front, $2, true, &@1.loc); }
|	scoped_name SCOPE IDENT { $$ = tree_name_join(front, $1, $3); }
	;

expr:
	literal
|	scoped_name {
		$$ = tree_expr(front, EXPR_NAME, NULL, NULL, &@1.loc);
		$$->name = $1;
	}
|	'(' expr ')' { $$ = $2; }
|	'-' expr %prec SIGN { $$ = tree_expr(front, EXPR_NEGATE, $2, NULL, &@1.loc); }
|	'+' expr %prec SIGN { $$ = tree_expr(front, EXPR_PLUS, $2, NULL, &@1.loc); }
|	'~' expr %prec SIGN { $$ = tree_expr(front, EXPR_INVERT, $2, NULL, &@1.loc); }
|	expr '|' expr { $$ = tree_expr(front, EXPR_OR, $1, $3, &@2.loc); }
|	expr '^' expr { $$ = tree_expr(front, EXPR_XOR, $1, $3, &@2.loc); }
|	expr '&' expr { $$ = tree_expr(front, EXPR_AND, $1, $3, &@2.loc); }
|	expr SHL expr { $$ = tree_expr(front, EXPR_SHL, $1, $3, &@2.loc); }
|	expr SHR expr { $$ = tree_expr(front, EXPR_SHR, $1, $3, &@2.loc); }
|	expr '+' expr { $$ = tree_expr(front, EXPR_ADD, $1, $3, &@2.loc); }
|	expr '-' expr { $$ = tree_expr(front, EXPR_SUB, $1, $3, &@2.loc); }
|	expr '*' expr { $$ = tree_expr(front, EXPR_MUL, $1, $3, &@2.loc); }
|	expr '/' expr { $$ = tree_expr(front, EXPR_DIV, $1, $3, &@2.loc); }
|	expr '%' expr { $$ = tree_expr(front, EXPR_MOD, $1, $3, &@2.loc); }
	;

literal:
	INTEGER
|	FLOAT
|	FIXED
|	CHAR
|	strings
|	TRUE {
		$$ = tree_value(front, (struct ast_value){ .kind = VALUE_BOOL, .i = 1 }, &@1.loc);
	}
|	FALSE { $$ = tree_value(front, (struct ast_value){ .kind = VALUE_BOOL }, &@1.loc); }
	;

strings:
	STRING
|	strings STRING { $$ = tree_concat(front, $1, $2); }
	;

%%

static int yyreport_syntax_error(const yypcontext_t *context, struct front *front)
{
	enum { MOST = 80 };
	yysymbol_kind_t kinds[MOST];
	const char *names[MOST];
	int n = yypcontext_expected_tokens(context, kinds, MOST), i;
	yysymbol_kind_t found = yypcontext_token(context);

	for (i = 0; i < n; i++)
		names[i] = yysymbol_name(kinds[i]);
	syntax_error(front, found == YYSYMBOL_YYEMPTY ? "" : yysymbol_name(found),
		     &yypcontext_location(context)->loc, names, n > 0 ? (size_t)n : 0);
	return 0;
}
