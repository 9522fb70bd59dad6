namespace Xenlet.Guest.Tests;

/// <summary>Kestrel's HTTPS in a guest, with certificates of files that lie beside the program.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class TlsTests(XenWorld world)
{
    /// <summary>
    /// What clients do, and what comes of it. The ports are those of tests/GuestTls/appsettings.json: 8443 has a certificate of a PKCS #12
    /// file, 8444 one for each name, 8445 wants certificates of its clients, 8446 is TLS 1.2 alone.
    /// </summary>
    private static readonly (string What, string Script, string Comes)[] Clients =
    [
        ("curl takes HTTP/2 and TLS 1.3", "fetch 8443 /", "HTTP/2 Tls13 TLS_AES_256_GCM_SHA384 name= client="),
        ("HTTP/1.1", "fetch 8443 / --http1.1", "HTTP/1.1 Tls13 TLS_AES_256_GCM_SHA384 name= client="),
        ("HTTP/2 over TLS 1.2", "fetch 8443 / --tls-max 1.2", "HTTP/2 Tls12 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 name= client="),
        ("another authority", "fetch 8443 / --cacert stranger-authority.pem | head -n 1",
            "curl: (60) SSL certificate problem: unable to get local issuer certificate"),
        ("no HTTP at all", "ask 8443 -alpn other", "refused: alert no application protocol"),

        ("TLS 1.2", "ask 8443 -tls1_2", "HTTP/1.1 Tls12 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 name= client="),
        ("TLS 1.1", "ask 8443 -tls1_1 -cipher ALL:@SECLEVEL=0", "refused: alert handshake failure"),
        ("TLS 1.3 where 1.2 is all", "ask 8446 -tls1_3", "refused: alert protocol version"),
        ("whatever there is", "ask 8446", "HTTP/1.1 Tls12 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 name= client="),
        ("a cipher of choice", "ask 8443 -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
            "HTTP/1.1 Tls12 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 name= client="),
        ("ChaCha20", "ask 8443 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
            "HTTP/1.1 Tls13 TLS_CHACHA20_POLY1305_SHA256 name= client="),
        ("RSA's key exchange", "ask 8443 -tls1_2 -cipher AES128-SHA", "refused: alert handshake failure"),
        ("a cipher suite of few", "ask 8443 -tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256", "refused: alert handshake failure"),

        ("a name", "ask 8444 -servername second.test -verify_hostname second.test",
            "HTTP/1.1 Tls13 TLS_AES_256_GCM_SHA384 name=second.test client="),
        ("a name of many, whose protocol is HTTP/1.1",
            "ask 8444 -servername a.wild.test -verify_hostname a.wild.test -alpn h2,http/1.1; grep ALPN said",
            "HTTP/1.1 Tls13 TLS_AES_256_GCM_SHA384 name=a.wild.test client=\nALPN protocol: http/1.1"),
        ("any other name", "ask 8444 -servername other.test -verify_hostname guest.test",
            "HTTP/1.1 Tls13 TLS_AES_256_GCM_SHA384 name=other.test client="),
        ("no name", "ask 8444 -noservername -verify_hostname guest.test", "HTTP/1.1 Tls13 TLS_AES_256_GCM_SHA384 name= client="),
        ("a name and another's certificate", "ask 8444 -servername second.test -verify_hostname guest.test",
            "refused: verify error:num=62:hostname mismatch"),

        ("a client with a certificate", "ask 8445 -cert client.pem -key client.key",
            "HTTP/1.1 Tls13 TLS_AES_256_GCM_SHA384 name= client=CN=client"),
        ("a client without", "ask 8445", "refused: unexpected eof"),
        ("a client without, by TLS 1.2", "ask 8445 -tls1_2", "refused: unexpected eof"),
        ("a client with a certificate of another authority", "ask 8445 -cert stranger-client.pem -key stranger-client.key",
            "refused: unexpected eof"),

        ("a session again", Again("8443 -tls1_3"), "New Reused"),
        ("a session of TLS 1.2 again", Again("8443 -tls1_2"), "New Reused"),
        ("a session with a certificate again", Again("8445 -cert client.pem -key client.key"), "New Reused"),
    ];

    [Fact]
    public async Task Curl_and_openssl_get_versions_ciphers_protocols_names_sessions_and_certificates_as_they_are_set()
    {
        await using TlsGuest guest = await TlsGuest.StartAsync(world);
        List<string> wrong = [];
        foreach ((string what, string script, string comes) in Clients)
        {
            string said = await guest.SayAsync(script);
            if (said != comes)
            {
                wrong.Add($"{what}: expected {comes}, and not {said}, of: {script}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        await guest.EndAsync();
    }

    /// <summary>The guest trusts one authority, that of XenletCertificates. Each of dom0's servers has another certificate.</summary>
    [Fact]
    public async Task As_a_client_a_guest_trusts_its_authorities_and_refuses_others_wrong_names_and_expired_certificates()
    {
        const string Refused = "SecureConnectionError: The SSL connection could not be established, see inner exception. "
            + "The remote certificate is invalid";
        await using TlsGuest guest = await TlsGuest.StartAsync(world);
        Assert.Equal("fetched <HTML><BODY BGCOLOR=\"#ffffff\">", await FetchAsync(guest, "server"));
        Assert.Equal("fetched <HTML><BODY BGCOLOR=\"#ffffff\">", await FetchAsync(guest, "server", "-tls1_2"));
        Assert.Equal(
            $"{Refused} according to the validation procedure: RemoteCertificateNameMismatch", await FetchAsync(guest, "second"));
        Assert.Equal($"{Refused} because of errors in the certificate chain: NotTimeValid", await FetchAsync(guest, "expired"));
        Assert.Equal($"{Refused} because of errors in the certificate chain: PartialChain", await FetchAsync(guest, "stranger"));
        await guest.EndAsync();
    }

    [Fact]
    public async Task Hostile_records_end_their_connections_and_the_next_client_is_served()
    {
        await using TlsGuest guest = await TlsGuest.StartAsync(world);
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        string said = await guest.SayAsync($"{peer} records {TlsGuest.Address} 8443");
        string[] lines = said.Split('\n');
        Assert.Equal(["a good greeting: answered", "60 changed greetings ended"], [lines[0], lines[^1]]);
        Assert.Equal(
            [
                "data behind a greeting: answered", "a greeting twice: answered", "thousands of changes of the cipher: answered",
                "a greeting in records of one byte: answered",
            ],
            lines[1..^1].Where(line => !line.EndsWith(": refused", StringComparison.Ordinal)));
        Assert.Equal("HTTP/2 Tls13 TLS_AES_256_GCM_SHA384 name= client=", await guest.SayAsync("fetch 8443 /"));
        await guest.EndAsync();
    }

    /// <summary>Has the guest ask openssl's server in dom0, with a certificate of tests/Certificates.</summary>
    private static Task<string> FetchAsync(TlsGuest guest, string certificate, string options = "") => guest.SayAsync(
        $"""
        openssl s_server -accept 4433 -cert {certificate}.pem -key {certificate}.key -www -quiet {options} < /dev/null > served 2>&1 &
        server=$!
        until netstat -ltn | grep -q ':4433 '; do usleep 50000; done
        wget -q -O - 'http://{TlsGuest.Address}:8080/fetch?https://{TlsGuest.Dom0Address}:4433/'
        kill $server
        """);

    /// <summary>Asks twice, the second time with the session of the first.</summary>
    private static string Again(string options) =>
        $"""
        ask {options} -sess_out session > /dev/null
        first=$(grep -o -E '^(New|Reused)' said)
        ask {options} -sess_in session > /dev/null
        echo "$first $(grep -o -E '^(New|Reused)' said)"
        """;
}
