/* test_push_pure: address rules, URLs in every disguise, signatures, what an answer means. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http/pool.h"
#include "core/push/address.h"
#include "core/push/sign.h"
#include "core/push/verdict.h"

#define S(text) ((struct span){(text), sizeof(text) - 1})

static struct address_rules rules_of(char *networks[], size_t n)
{
    struct address_rules r = {0};
    struct conf_list list = {networks, n};
    assert_int_equal(address_rules_init(&r, &list, NULL), RC_OK);
    return r;
}

static bool allowed(const struct address_rules *r, const char *url)
{
    struct http_url u;
    struct err e = {0};
    assert_int_equal(http_url_read(&u, url, &e), RC_OK);
    assert_true(u.numeric);
    return address_allowed(r, (struct sockaddr *)&u.address, u.https, &e);
}

static void test_classes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_class class;
    } cases[] = {
        {"8.8.8.8", ADDRESS_PUBLIC},
        {"172.15.255.255", ADDRESS_PUBLIC},
        {"172.32.0.0", ADDRESS_PUBLIC},
        {"100.63.255.255", ADDRESS_PUBLIC},
        {"100.128.0.0", ADDRESS_PUBLIC},
        {"223.255.255.255", ADDRESS_PUBLIC},
        {"2a00:1450:4001::1", ADDRESS_PUBLIC},
        {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
        {"64:ff9b::808:808", ADDRESS_PUBLIC},
        {"127.0.0.1", ADDRESS_PRIVATE},
        {"127.255.255.254", ADDRESS_PRIVATE},
        {"10.1.2.3", ADDRESS_PRIVATE},
        {"172.31.255.255", ADDRESS_PRIVATE},
        {"192.168.0.1", ADDRESS_PRIVATE},
        {"100.64.0.1", ADDRESS_PRIVATE},
        {"198.19.255.255", ADDRESS_PRIVATE},
        {"::1", ADDRESS_PRIVATE},
        {"fd12::1", ADDRESS_PRIVATE},
        {"::ffff:127.0.0.1", ADDRESS_PRIVATE},
        {"64:ff9b::7f00:1", ADDRESS_PRIVATE},
        {"0.0.0.0", ADDRESS_NEVER},
        {"169.254.169.254", ADDRESS_NEVER},
        {"::ffff:169.254.169.254", ADDRESS_NEVER},
        {"64:ff9b::a9fe:a9fe", ADDRESS_NEVER},
        {"2002:7f00:1::", ADDRESS_NEVER},
        {"2001:0:7f00:1::", ADDRESS_NEVER},
        {"100.100.100.200", ADDRESS_NEVER},
        {"168.63.129.16", ADDRESS_NEVER},
        {"fd00:ec2::254", ADDRESS_NEVER},
        {"192.0.0.192", ADDRESS_NEVER},
        {"224.0.0.1", ADDRESS_NEVER},
        {"240.0.0.1", ADDRESS_NEVER},
        {"255.255.255.255", ADDRESS_NEVER},
        {"::", ADDRESS_NEVER},
        {"::7f00:1", ADDRESS_NEVER},
        {"fe80::1", ADDRESS_NEVER},
        {"fec0::1", ADDRESS_NEVER},
        {"ff02::1", ADDRESS_NEVER},
        {"2001:db8::1", ADDRESS_NEVER},
        {"4000::1", ADDRESS_NEVER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct network n;
        assert_int_equal(network_parse(span_of(cases[i].text), &n, NULL), RC_OK);
        if (address_classify(&n.ip) != cases[i].class)
            fail_msg("%s is classed as %d", cases[i].text, address_classify(&n.ip));
    }
}

static void test_disguises_of_loopback(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "http://127.0.0.1/",        "https://127.1/",
        "https://2130706433/",      "https://0x7f000001",
        "https://0177.0.0.1/",      "https://0x7f.1/",
        "https://[::1]/",           "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:7f00:0001]/",
        "https://127.0.0.1:8443/x", "https://%31%32%37.0.0.1/",
    };
    static const char *const metadata[] = {
        "http://169.254.169.254/latest/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://[::ffff:169.254.169.254]/",
        "https://0251.0376.0251.0376/",
        "https://[64:ff9b::169.254.169.254]/",
    };
    struct address_rules none = rules_of(NULL, 0);
    char *everything[] = {"0.0.0.0/0", "::/0"};
    char *loopback[] = {"127.0.0.0/8", "::1"};
    struct address_rules all = rules_of(everything, 2), local = rules_of(loopback, 2);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_false(allowed(&none, urls[i]));
        assert_true(allowed(&local, urls[i]));
    }
    for (size_t i = 0; i < sizeof metadata / sizeof metadata[0]; i++) {
        assert_false(allowed(&none, metadata[i]));
        assert_false(allowed(&local, metadata[i]));
        assert_false(allowed(&all, metadata[i])); /* whatever the configuration says */
    }
    address_rules_release(&none);
    address_rules_release(&local);
    address_rules_release(&all);
}

static void test_http_and_https(void **state)
{
    (void)state;
    char *private[] = {"192.168.7.0/24"};
    struct address_rules r = rules_of(private, 1);
    assert_true(allowed(&r, "https://8.8.8.8/"));
    assert_false(allowed(&r, "http://8.8.8.8/"));
    assert_true(allowed(&r, "http://192.168.7.9/"));
    assert_true(allowed(&r, "https://192.168.7.9/"));
    assert_false(allowed(&r, "https://192.168.8.9/"));
    address_rules_release(&r);
}

static void test_our_own_ports(void **state)
{
    (void)state;
    char *loopback[] = {"127.0.0.0/8", "::1"};
    struct address_rules r = rules_of(loopback, 2);
    address_rules_add_own(&r, "127.0.0.1:8081");
    address_rules_add_own(&r, "/run/calmirrord/api.sock");
    address_rules_add_own(&r, "0.0.0.0:9090");
    assert_false(allowed(&r, "http://127.0.0.1:8081/hooks/google"));
    assert_false(allowed(&r, "http://[::ffff:127.0.0.1]:8081/"));
    assert_true(allowed(&r, "http://127.0.0.1:8082/"));
    assert_true(allowed(&r, "http://127.0.0.2:8081/"));
    assert_false(allowed(&r, "http://127.0.0.1:9090/"));
    assert_false(allowed(&r, "http://127.9.9.9:9090/"));
    address_rules_add_own(&r, "localhost:7070");
    assert_false(allowed(&r, "http://127.0.0.1:7070/"));
    assert_false(allowed(&r, "http://[::1]:7070/"));
    /* On all addresses of this machine, not of others. */
    assert_true(allowed(&r, "https://93.184.216.34:9090/"));
    assert_true(allowed(&r, "https://[2606:4700::1111]:9090/"));
    address_rules_release(&r);
    r = rules_of(loopback, 2);
    address_rules_add_own(&r, "[::]:9090");
    assert_false(allowed(&r, "http://127.0.0.1:9090/"));
    assert_false(allowed(&r, "http://[::1]:9090/"));
    address_rules_release(&r);
}

/* A listener on all addresses is reached by those of the interfaces, too. */
static void test_our_own_interfaces(void **state)
{
    (void)state;
    char *everything[] = {"0.0.0.0/0"};
    struct address_rules r = rules_of(everything, 1);
    struct ifaddrs *list = NULL;
    address_rules_add_own(&r, "0.0.0.0:9090");
    assert_int_equal(getifaddrs(&list), 0);
    for (struct ifaddrs *i = list; i; i = i->ifa_next) {
        char text[INET_ADDRSTRLEN], url[64];
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
            continue;
        assert_non_null(inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr,
                                  text, sizeof text));
        (void)snprintf(url, sizeof url, "https://%s:9090/", text);
        assert_false(allowed(&r, url));
    }
    freeifaddrs(list);
    address_rules_release(&r);
}

/* As RestrictAddressFamilies= of the unit does. */
static bool deny_netlink(void)
{
    const uint32_t low_half = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + low_half),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In the unit's sandbox, addresses of others are told from our own, too. */
static void test_without_netlink(void **state)
{
    enum { RIGHT = 10, WRONG, CANNOT };
    (void)state;
    struct address_rules r = {0};
    int status = 0;
    address_rules_add_own(&r, "0.0.0.0:443");
    pid_t pid = fork();
    if (pid == 0) {
        if (!deny_netlink())
            _exit(CANNOT); /* a sandbox that has no room for another */
        _exit(allowed(&r, "https://93.184.216.34/") && !allowed(&r, "https://127.1.2.3/") ? RIGHT
                                                                                          : WRONG);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), RIGHT);
}

static void test_urls(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https://u@h/",
        "https://u:p@h/",
        "https://:p@h/",
        "https://h/#x",
        "https://h:0/",
        "https://h:65536/",
        "https://h/\r\nX: y",
        "https://h /",
        "gopher://h",
        "https://[fe80::1%25eth0]/",
        "https://h\xc3\xb6/",
        "//h/",
    };
    struct http_url u;
    struct err e = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_url_read(&u, bad[i], &e) != RC_INVALID)
            fail_msg("'%s' was taken for a URL", bad[i]);
    assert_int_equal(http_url_read(&u, "https://Example.com/hook?a=b", &e), RC_OK);
    assert_false(u.numeric);
    assert_int_equal(u.port, 443);
    assert_int_equal(http_url_read(&u, "http://h.example:81", &e), RC_OK);
    assert_int_equal(u.port, 81);
    assert_false(u.https);
}

static void test_networks(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "10.0.0.0/33", "10.0.0.1/8",   "10.0.0/8",
                                      "::/129",    "fd00::1/8",   "10.0.0.0/8/8", "10.0.0.0/",
                                      "localhost", "0x7f.1",      "10.0.0.0/-1"};
    struct network n;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (network_parse(span_of(bad[i]), &n, NULL) != RC_INVALID)
            fail_msg("'%s' was taken for a network", bad[i]);
    assert_int_equal(network_parse(S("0.0.0.0/0"), &n, NULL), RC_OK);
    assert_int_equal(n.bits, 96);
}

/* The expected values are what `openssl dgst -sha256 -hmac` prints. */
static void test_signature(void **state)
{
    (void)state;
    struct secret secrets[2] = {0};
    struct buf out = {0};
    assert_true(secret_set(&secrets[0], S("first")));
    sign_header(&out, secrets, 2, 1795000000, S("{\"a\":1}"));
    assert_string_equal(buf_text(&out),
                        "Calmirror-Signature: t=1795000000,"
                        "v1=fcc561578ec0dacc4fafc36b40a87035f897c84992d750cd6e19be41d4071c66");
    assert_true(secret_set(&secrets[1], S("second")));
    buf_reset(&out);
    sign_header(&out, secrets, 2, 1795000000, S("{\"a\":1}"));
    assert_string_equal(buf_text(&out),
                        "Calmirror-Signature: t=1795000000,"
                        "v1=fcc561578ec0dacc4fafc36b40a87035f897c84992d750cd6e19be41d4071c66,"
                        "v1=265cb7c4f4bb025be4e7a9a34405cdb0b81d00806732ad3c86916e914d9f7f43");
    buf_release(&out);
    secret_release(&secrets[0]);
    secret_release(&secrets[1]);
}

static void test_verdicts(void **state)
{
    (void)state;
    static const long done[] = {200, 201, 202, 204, 102}, again[] = {500, 502, 503, 504},
                      failed[] = {203, 205, 299, 301, 302, 307, 308, 400,
                                  401, 404, 410, 429, 501, 505, 0};
    for (size_t i = 0; i < sizeof done / sizeof done[0]; i++)
        assert_int_equal(verdict_of_message(RC_OK, done[i]), VERDICT_DONE);
    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++)
        assert_int_equal(verdict_of_message(RC_OK, again[i]), VERDICT_RETRY);
    for (size_t i = 0; i < sizeof failed / sizeof failed[0]; i++)
        assert_int_equal(verdict_of_message(RC_OK, failed[i]), VERDICT_FAILED);
    assert_int_equal(verdict_of_message(RC_AGAIN, 200), VERDICT_RETRY);
    assert_int_equal(verdict_of_message(RC_SYS, 0), VERDICT_RETRY);
    assert_int_equal(verdict_of_message(RC_INVALID, 0), VERDICT_FAILED);
    assert_int_equal(verdict_of_hook(RC_OK, 199), VERDICT_RETRY);
    assert_int_equal(verdict_of_hook(RC_OK, 200), VERDICT_DONE);
    assert_int_equal(verdict_of_hook(RC_OK, 299), VERDICT_DONE);
    assert_int_equal(verdict_of_hook(RC_OK, 300), VERDICT_RETRY);
    assert_int_equal(verdict_of_hook(RC_OK, 302), VERDICT_RETRY);
    assert_int_equal(verdict_of_hook(RC_OK, 404), VERDICT_RETRY);
    assert_int_equal(verdict_of_hook(RC_INVALID, 0), VERDICT_RETRY);
    assert_false(verdict_give_up(0, 1000, 10));
    assert_false(verdict_give_up(1000, 1009, 10));
    assert_true(verdict_give_up(1000, 1010, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_disguises_of_loopback),
        cmocka_unit_test(test_http_and_https),
        cmocka_unit_test(test_our_own_ports),
        cmocka_unit_test(test_our_own_interfaces),
        cmocka_unit_test(test_without_netlink),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
