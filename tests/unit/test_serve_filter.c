/* Tests of filter and fold: what a list keeps, and what it leaves out of an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"
#include "core/serve/events/filter.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void code_points_fold(void **state)
{
    (void)state;
    static const uint32_t folds[][2] = {
        {'A', 'a'},         {'z', 'z'},         {'@', '@'},           {'[', '['},
        {0x7F, 0x7F},       {0xB5, 0x3BC},      {0xC0, 0xE0},         {0xD7, 0xD7},
        {0xDF, 0xDF},       {0x100, 0x101},     {0x101, 0x101},       {0x130, 0x130},
        {0x131, 0x131},     {0x178, 0xFF},      {0x17F, 's'},         {0x3A3, 0x3C3},
        {0x3C2, 0x3C3},     {0x410, 0x430},     {0x10A0, 0x2D00},     {0x1E9E, 0xDF},
        {0x1F88, 0x1F80},   {0x2126, 0x3C9},    {0x212A, 'k'},        {0x24B6, 0x24D0},
        {0x3042, 0x3042},   {0xAB70, 0x13A0},   {0xFF21, 0xFF41},     {0xFFFD, 0xFFFD},
        {0x10400, 0x10428}, {0x1E900, 0x1E922}, {0x10FFFF, 0x10FFFF},
    };
    for (size_t i = 0; i < COUNT(folds); i++) {
        assert_int_equal(fold_char(folds[i][0]), folds[i][1]);
        assert_int_equal(fold_char(folds[i][1]), folds[i][1]);
    }
}

static bool contains(const char *text, const char *what)
{
    uint32_t chars[64];
    uint16_t back[64];
    size_t n = fold_text(span_of(what), chars, COUNT(chars));
    assert_true(n <= COUNT(chars));
    struct fold_needle needle = fold_needle(chars, back, n);
    return fold_contains(span_of(text), &needle);
}

static void text_is_found_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *text, *what;
        bool found;
    } searches[] = {
        {"", "", true},
        {"a", "", true},
        {"", "a", false},
        {"Weekly MEETING", "meeting", true},
        {"meetin", "meeting", false},
        {"aaaaaaab", "AAAB", true},
        {"ababcabab", "babab", false},
        {"ababababc", "ababc", true},
        {"aabaabaaab", "aabaaab", true},
        {"Z\xC3\x9CRICH", "z\xC3\xBCrich", true}, /* ü */
        {"\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3", "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x82",
         true},                                                         /* ΟΔΟΣ, οδος */
        {"\xD0\x9C\xD0\xB8\xD1\x80", "\xD0\xBC\xD0\x98\xD1\x80", true}, /* Мир */
        {"\xE4\xBC\x9A\xE8\xAD\xB0\xE5\xAE\xA4", "\xE8\xAD\xB0", true},
        {"\xF0\x9F\x8E\x89 party", "\xF0\x9F\x8E\x89", true},
        {"\xF0\x9F\x8E\x89", "\xF0\x9F\x8E\x8A", false},
        {"e\xCC\x81", "\xC3\xA9", false}, /* composed and decomposed differ */
    };
    for (size_t i = 0; i < COUNT(searches); i++)
        assert_int_equal(contains(searches[i].text, searches[i].what), searches[i].found);
}

/* Naive search of this would take 10^10 steps. */
static void search_is_linear(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *text = malloc(n);
    static uint32_t chars[UINT16_MAX];
    static uint16_t back[UINT16_MAX];
    assert_non_null(text);
    memset(text, 'a', n);
    for (size_t i = 0; i < COUNT(chars); i++)
        chars[i] = i + 1 < COUNT(chars) ? 'a' : 'b';
    struct fold_needle needle = fold_needle(chars, back, COUNT(chars));
    assert_false(fold_contains((struct span){text, n}, &needle));
    text[n - 1] = 'B';
    assert_true(fold_contains((struct span){text, n}, &needle));
    free(text);
}

static const char plain_event[] =
    "{\"id\":\"e\",\"summary\":\"Weekly R\\u00e9union\",\"description\":\"line one\\nline "
    "\\\"two\\\"\","
    "\"location\":\"Z\xC3\xBCrich\",\"creator\":{\"email\":\"maker@x.org\"},"
    "\"organizer\":{\"email\":\"boss@x.org\",\"displayName\":\"The Boss\",\"id\":\"77\"},"
    "\"attendees\":[{\"email\":\"ann@x.org\",\"displayName\":\"Ann\",\"comment\":\"late\"},"
    "{\"email\":\"bob@x.org\"}],\"hangoutLink\":\"https://meet\"}";
static const char office_event[] =
    "{\"eventType\":\"workingLocation\",\"summary\":\"\",\"workingLocationProperties\":{"
    "\"type\":\"officeLocation\",\"officeLocation\":{\"buildingId\":\"B7\",\"floorId\":\"F3\","
    "\"deskId\":\"D12\",\"label\":\"Main\"}}}";
static const char cafe_event[] =
    "{\"eventType\":\"workingLocation\",\"workingLocationProperties\":{\"type\":\"customLocation\","
    "\"customLocation\":{\"label\":\"Caf\xC3\xA9\"}}}";
static const char away_event[] = "{\"eventType\":\"outOfOffice\"}";
static const char focus_event[] = "{\"eventType\":\"focusTime\",\"summary\":\"Deep work\"}";

static const struct {
    const char *q, *event;
    bool kept;
} word_cases[] = {
    {"weekly", plain_event, true},
    {"  \t\n ", plain_event, true},
    {"WEEK", plain_event, true},
    {"R\xC3\x89UNION", plain_event, true},
    {"z\xC3\x9Crich", plain_event, true},
    {"two", plain_event, true},
    {"one\nline", plain_event, true},
    {"oneline", plain_event, false},
    {"boss", plain_event, true},
    {"maker", plain_event, false}, /* the creator is not searched */
    {"late", plain_event, false},  /* nor are comments */
    {"meet", plain_event, false},
    {"77", plain_event, false},
    {"ann weekly", plain_event, true},
    {"ann\xE3\x80\x80"
     "bob",
     plain_event, true},
    {"ann carol", plain_event, false},
    {"\"The Boss\"", plain_event, true},
    {"\"Boss The\"", plain_event, false},
    {"Boss The", plain_event, true},
    {"\"", plain_event, true}, /* a quote that opens nothing is a quote */
    {"\"weekly", plain_event, false},
    {"\"\"", plain_event, true},
    {"b7 d12 main", office_event, true},
    {"F3", office_event, false},
    {"office", office_event, true},
    {"BUREAU", office_event, true},
    {"home", office_event, false},
    {"caf\xC3\x89", cafe_event, true},
    {"office", cafe_event, false},
    {"out office", away_event, true},
    {"abwesend", away_event, true},
    {"deep focus", focus_event, true},
    {"deep out", focus_event, false},
    {"default", plain_event, false},
    {"x", "{}", false},
    {"x", "{\"summary\":7,\"attendees\":{\"email\":\"x\"},\"location\":[\"x\"]}", true},
    {"x", "{\"summary\":7,\"attendees\":[[{\"comment\":\"x\"}]],\"location\":[\"x\"]}", false},
};

static void words_are_looked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(word_cases); i++) {
        static struct filter f;
        assert_int_equal(filter_add_words(&f, span_of(word_cases[i].q), NULL), RC_OK);
        if (filter_match(&f, span_of(word_cases[i].event)) != word_cases[i].kept)
            fail_msg("q=%s in %s", word_cases[i].q, word_cases[i].event);
        filter_release(&f);
        assert_int_equal(f.n_words, 0);
    }
}

static void words_are_bounded(void **state)
{
    (void)state;
    static struct filter f;
    static char long_word[FILTER_WORD_CHARS + 1];
    struct buf many = {0};
    struct err e = {0};
    memset(long_word, 'a', sizeof(long_word));
    assert_int_equal(filter_add_words(&f, (struct span){long_word, FILTER_WORD_CHARS}, &e), RC_OK);
    assert_int_equal(filter_add_words(&f, span_of("b"), &e), RC_INVALID);
    filter_release(&f);
    assert_int_equal(filter_add_words(&f, (struct span){long_word, sizeof(long_word)}, &e),
                     RC_INVALID);
    filter_release(&f);
    for (int i = 0; i <= FILTER_WORDS_MAX; i++)
        buf_add_text(&many, "a ");
    assert_int_equal(filter_add_words(&f, buf_span(&many), &e), RC_INVALID);
    filter_release(&f);
    assert_int_equal(filter_add_words(&f, (struct span){many.p, many.n - 2}, &e), RC_OK);
    assert_true(filter_match(&f, span_of(plain_event)));
    filter_release(&f);
    buf_release(&many);
}

static const char *const types[] = {"birthday", "default", "focusTime", "outOfOffice", NULL};

static void event_types_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *event;
        bool kept;
    } cases[] = {
        {0, away_event, true},
        {2, plain_event, true},
        {2, away_event, false},
        {8, away_event, true},
        {12, focus_event, true},
        {3, focus_event, false},
        {15, "{\"eventType\":\"somethingNew\"}", false},
        {2, "{\"eventType\":\"default\"}", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static struct filter f;
        f.types = types;
        f.type_bits = cases[i].bits;
        assert_int_equal(filter_match(&f, span_of(cases[i].event)), cases[i].kept);
        filter_release(&f);
    }
}

static const char tagged_event[] =
    "{\"extendedProperties\":{\"private\":{\"pets\":\"yes\",\"a=b\":\"c\",\"empty\":\"\","
    "\"\\u006bey\":"
    "\"v\\u0061lue\",\"number\":7},\"shared\":{\"by\":\"me\",\"pets\":\"no\"}}}";

static const struct {
    const char *private[3], *shared[3];
    bool kept;
} property_cases[] = {
    {{"pets=yes"}, {NULL}, true},
    {{"pets=Yes"}, {NULL}, false},
    {{"pets=ye"}, {NULL}, false},
    {{"pet=yes"}, {NULL}, false},
    {{"pets="}, {NULL}, false},
    {{"empty="}, {NULL}, true},
    {{"key=value"}, {NULL}, true},
    {{"number=7"}, {NULL}, false},
    {{"a=b=c"}, {NULL}, false}, /* the first = ends the name */
    {{"pets=yes", "key=value"}, {NULL}, true},
    {{"pets=yes", "key=other"}, {NULL}, false},
    {{"pets=no", "pets=yes"}, {NULL}, true},
    {{"pets=no", "pets=maybe"}, {NULL}, false},
    {{"pets=no", "pets=yes", "absent=1"}, {NULL}, false},
    {{NULL}, {"by=me"}, true},
    {{NULL}, {"pets=yes"}, false},
    {{"pets=yes"}, {"pets=no"}, true},
    {{"pets=yes"}, {"by=you"}, false},
    {{"by=me"}, {NULL}, false},
    {{"pets=no"}, {"pets=yes"}, false}, /* each the other's */
    {{"pets=value", "key=yes"}, {NULL}, false},
};

static void extended_properties_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(property_cases); i++) {
        static struct filter f;
        for (size_t p = 0; p < 3; p++) {
            if (property_cases[i].private[p])
                assert_int_equal(filter_add_property(&f, FILTER_PRIVATE,
                                                     span_of(property_cases[i].private[p]), NULL),
                                 RC_OK);
            if (property_cases[i].shared[p])
                assert_int_equal(filter_add_property(&f, FILTER_SHARED,
                                                     span_of(property_cases[i].shared[p]), NULL),
                                 RC_OK);
        }
        if (filter_match(&f, span_of(tagged_event)) != property_cases[i].kept)
            fail_msg("case %zu", i);
        assert_false(filter_match(&f, span_of("{}")));
        assert_false(
            filter_match(&f, span_of("{\"extendedProperties\":{\"private\":[\"pets\"]}}")));
        filter_release(&f);
    }
}

static void odd_constraints_are_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "=", "=x", "name"};
    static struct filter f;
    struct err e = {0};
    for (size_t i = 0; i < COUNT(odd); i++) {
        assert_int_equal(filter_add_property(&f, FILTER_SHARED, span_of(odd[i]), &e), RC_INVALID);
        assert_string_equal(e.text,
                            "Invalid value for: sharedExtendedProperty (expected name=value)");
    }
    for (int i = 0; i < FILTER_PROPERTIES_MAX; i++)
        assert_int_equal(filter_add_property(&f, FILTER_PRIVATE, span_of("a=b"), &e), RC_OK);
    assert_int_equal(filter_add_property(&f, FILTER_PRIVATE, span_of("a=b"), &e), RC_INVALID);
    filter_release(&f);
}

static const struct {
    const char *event;
    int64_t most;
    const char *cut; /* NULL: as it is */
} attendee_cases[] = {
    {"{\"id\":\"a\"}", 1, NULL},
    {"{\"id\":\"a\",\"attendees\":[]}", 1, NULL},
    {"{\"attendees\":[{\"email\":\"a\"},{\"email\":\"b\"}]}", 2, NULL},
    {"{\"attendees\":{\"self\":true}}", 1, NULL},
    {"{\"id\":\"a\",\n \"attendees\": [ {\"email\":\"a\"}, {\"email\":\"b\", \"self\": "
     "true}],\"x\":[ ]}",
     1,
     "{\"id\":\"a\",\"attendees\":[{\"email\":\"b\",\"self\":true}],\"attendeesOmitted\":true,"
     "\"x\":[]}"},
    {"{\"attendees\":[{\"email\":\"a\"},{\"email\":\"b\"}],\"z\":1}", 1,
     "{\"attendeesOmitted\":true,\"z\":1}"},
    {"{\"attendeesOmitted\":false,\"attendees\":[1,2],\"z\":\"attendees\"}", 1,
     "{\"attendeesOmitted\":true,\"z\":\"attendees\"}"},
    {"{\"attendees\":[{\"self\":true,\"a\":{}},{\"self\":true}]}", 1,
     "{\"attendees\":[{\"self\":true,\"a\":{}}],\"attendeesOmitted\":true}"},
};

static void attendees_are_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(attendee_cases); i++) {
        struct buf out = {0};
        bool cut = filter_attendees(span_of(attendee_cases[i].event), attendee_cases[i].most, &out);
        assert_int_equal(cut, attendee_cases[i].cut != NULL);
        assert_string_equal(buf_text(&out), cut ? attendee_cases[i].cut : "");
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_points_fold),          cmocka_unit_test(text_is_found_in_any_case),
        cmocka_unit_test(search_is_linear),          cmocka_unit_test(words_are_looked_for),
        cmocka_unit_test(words_are_bounded),         cmocka_unit_test(event_types_are_told_apart),
        cmocka_unit_test(extended_properties_match), cmocka_unit_test(odd_constraints_are_refused),
        cmocka_unit_test(attendees_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
