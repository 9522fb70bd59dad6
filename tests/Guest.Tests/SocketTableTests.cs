using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>
/// What .NET's sockets do, step by step (tests/GuestImage/SocketTable): the table that a guest prints equals the one that Linux prints,
/// where the same program runs in a network namespace with the same two interfaces.
/// </summary>
public abstract class SocketTableTests(World world)
{
    private const string Prefix = "socket-table ";

    /// <summary>The interface of the guest, and a peer that nobody answers on.</summary>
    private const string Network =
        "ip link set lo up && ip link add vif0 index 2 type veth peer name far index 3"
        + " && ip addr add 10.9.0.2/24 dev vif0 && ip addr add fd09::2/64 dev vif0 nodad && ip link set vif0 up && ip link set far up";

    private static readonly Lazy<Task<Dictionary<string, string>>> OnLinux = new(RunOnLinuxAsync);

    [Fact]
    public async Task Sockets_do_in_a_guest_what_they_do_on_Linux()
    {
        Dictionary<string, string> expected = await OnLinux.Value;
        Dictionary<string, string> actual = Read((await world.SharedAsync()).Lines);
        Assert.True(expected.Count > 100, "the table on Linux has few rows");
        Assert.Equal(expected.Keys, actual.Keys);
        string[] differences = [.. expected.SelectMany(row => Compare(row.Key, row.Value, actual[row.Key]))];
        Assert.True(differences.Length == 0, string.Join('\n', differences));
    }

    [Fact]
    public async Task What_a_guest_refuses_fails_with_a_known_error()
    {
        Dictionary<string, string> refused = new()
        {
            ["raw sockets"] = "new AccessDenied/13",
            ["packet sockets"] = "new AddressFamilyNotSupported/97",
            ["Unix domain sockets"] = "new AddressFamilyNotSupported/97",
            ["groups of one source"] = "join ProtocolOption/92",
            ["options of TCP and IP"] = "fast open ProtocolOption/92; recorded route InvalidArgument/22; cork ProtocolOption/92",
        };
        Assert.Equal(refused, Read((await world.SharedAsync()).Lines, "socket-refused "));
    }

    private static Dictionary<string, string> Read(IEnumerable<string> lines, string prefix = Prefix) => lines
        .Where(line => line.StartsWith(prefix, StringComparison.Ordinal))
        .Select(line => line[prefix.Length..].Split(": ", 2))
        .ToDictionary(parts => parts[0], parts => parts[1]);

    private static IEnumerable<string> Compare(string row, string expected, string actual)
    {
        string[] onLinux = expected.Split("; ");
        string[] inGuest = actual.Split("; ");
        for (int i = 0; i < Math.Max(onLinux.Length, inGuest.Length); i++)
        {
            (string there, string here) = (onLinux.ElementAtOrDefault(i) ?? "nothing", inGuest.ElementAtOrDefault(i) ?? "nothing");
            if (there != here)
            {
                yield return $"{row}, step {i}: Linux has '{there}', the guest '{here}'";
            }
        }
    }

    private static async Task<Dictionary<string, string>> RunOnLinuxAsync()
    {
        string[] command = [.. Images.OnLinux(await Images.Cases), "socket-table"];
        string output = await PublishedImages.RunAsync(
            "unshare", ["--map-root-user", "--net", "sh", "-c", $"{Network} && exec \"$@\"", "sh", .. command]);
        return Read(output.Split('\n'));
    }
}

[Collection(WithoutXen.Name)]
public sealed class SocketTableTestsWithoutXen(DirectWorld world) : SocketTableTests(world);

[Collection(UnderXen.Name)]
public sealed class SocketTableTestsUnderXen(XenWorld world) : SocketTableTests(world);
