using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// How a program learns names: .NET's Dns asks glibc, glibc reads the stack's files and asks servers of DNS, which this program plays on
/// loopback addresses.
/// </summary>
internal static class NameCases
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly IPAddress First = IPAddress.Loopback;
    private static readonly IPAddress Second = IPAddress.Parse("127.0.0.2");

    public static IEnumerable<Case> All =>
    [
        new("names-of-dns", NamesOfDnsAsync),
        new("names-of-dns-by-a-second-server", SecondServerAsync),
        new("names-of-dns-without-a-server", WithoutServerAsync),
        new("connect-by-name", ConnectByNameAsync),
    ];

    private static async Task NamesOfDnsAsync()
    {
        using SocketStack stack = Start($"{First}");
        using NameServer server = new(First);
        Check.Equal("192.0.2.1 2001:db8::1", await LookUpAsync("a.test"));
        Check.Equal("192.0.2.1 2001:db8::1", await LookUpAsync("a"), "a name of the search domain");
        Check.Equal("192.0.2.1", string.Join(' ', await Dns.GetHostAddressesAsync("a.test", AddressFamily.InterNetwork)));
        Check.Equal("2001:db8::1", string.Join(' ', await Dns.GetHostAddressesAsync("a.test", AddressFamily.InterNetworkV6)));
        IPHostEntry alias = await Dns.GetHostEntryAsync("alias.test");
        Check.Equal("local.test", alias.HostName);
        Check.Equal("a.test", (await Dns.GetHostEntryAsync(IPAddress.Parse("192.0.2.1"))).HostName, "a name by its address");
        Check.Equal("HostNotFound", await ErrorOfAsync("none.test"));
        Check.Equal("HostNotFound", await ErrorOfAsync("empty.test"));

        Check.Equal(0, server.StreamQuestions);
        Check.Equal(100, (await Dns.GetHostAddressesAsync("many.test")).Length, "addresses of an answer that was truncated");
        Check.That(server.StreamQuestions > 0, "a truncated answer is asked for by TCP");

        int questions = server.Questions;
        Check.Equal("127.0.0.1 ::1", await LookUpAsync("localhost"));
        Check.That((await Dns.GetHostEntryAsync(Dns.GetHostName())).AddressList.Contains(IPAddress.Parse("127.0.1.1")), "the own name");
        Check.Equal(questions, server.Questions, "questions for what /etc/hosts has");
    }

    private static async Task SecondServerAsync()
    {
        // The servers of the first stack are asked no more: glibc sees that /etc/resolv.conf has changed.
        IPAddress first = IPAddress.IPv6Loopback;
        using SocketStack stack = Start($"{first},{Second}");
        Check.Equal(0, SetVariable("RES_OPTIONS", "timeout:1 attempts:1", 1));
        using NameServer silent = new(first, (_, _) => false);
        using NameServer server = new(Second, (name, _) => name != "silent.test");
        Check.Equal("192.0.2.1 2001:db8::1", await LookUpAsync("second.test"));
        Check.That(silent.Questions > 0, "the first server is asked first");
        Check.Equal("TryAgain", await ErrorOfAsync("silent.test"));
    }

    private static async Task WithoutServerAsync()
    {
        using SocketStack stack = Start("");
        Check.Equal("TryAgain", await ErrorOfAsync("a.test"));
        Check.Equal("127.0.0.1 ::1", await LookUpAsync("localhost"));
    }

    private static async Task ConnectByNameAsync()
    {
        using SocketStack stack = Start($"{First}");
        using NameServer server = new(First);
        using TcpListener listener = new(IPAddress.Loopback, 8080);
        listener.Start();
        Task serving = ServeAsync(listener, 2);
        using (TcpClient client = new())
        {
            client.Connect("local.test", 8080);
            client.GetStream().Write("GET / HTTP/1.1\r\n\r\n"u8);
            Check.That(new StreamReader(client.GetStream()).ReadToEnd().EndsWith("hello", StringComparison.Ordinal));
        }

        using HttpClient http = new();
        Check.Equal("hello", await http.GetStringAsync(new Uri("http://alias.test:8080/")).WaitAsync(Limit));
        await serving.WaitAsync(Limit);
    }

    /// <summary>Answers each request that comes.</summary>
    private static async Task ServeAsync(TcpListener listener, int times)
    {
        byte[] buffer = new byte[4096];
        for (int i = 0; i < times; i++)
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            NetworkStream stream = client.GetStream();
            for (string request = ""; !request.EndsWith("\r\n\r\n", StringComparison.Ordinal);)
            {
                request += Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer));
            }

            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"u8.ToArray());
        }
    }

    private static SocketStack Start(string servers)
    {
        SocketStack stack = new(Guest.Sockets.Open(), new()
        {
            Addresses = AddressSettings.From(
                new Dictionary<string, string> { ["XENLET_DNS"] = servers, ["XENLET_DNS_SEARCH"] = "test" }),
            AddressLimit = TimeSpan.FromMilliseconds(10),
            Report = Console.WriteLine,
        });
        stack.Start();
        return stack;
    }

    /// <summary>A name's addresses, in the order of their texts: the order of an answer is glibc's to choose.</summary>
    private static async Task<string> LookUpAsync(string name) => string.Join(
        ' ', (await Dns.GetHostAddressesAsync(name).WaitAsync(Limit)).Select(address => address.ToString()).Distinct().Order());

    private static async Task<string> ErrorOfAsync(string name) =>
        (await Check.ThrowsAsync<SocketException>(() => Dns.GetHostAddressesAsync(name).WaitAsync(Limit))).SocketErrorCode.ToString();

    [DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetVariable(string name, string value, int overwrites);
}
