using System.Text;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets.Files;

/// <summary>The files that the stack answers for. Each question gets the content as it is then.</summary>
internal sealed class StackFiles
{
    private const int LongestPath = 256;

    private const string Class = "/sys/class/net/";
    private const string SettingsIPv4 = "/proc/sys/net/ipv4/conf/";
    private const string SettingsIPv6 = "/proc/sys/net/ipv6/conf/";
    private const string Forwarding = "forwarding";

    private readonly ISocketHost _host;
    private readonly ResolverFile _resolver;
    private readonly HostsFile _hosts;
    private readonly InterfaceFiles _interfaces;
    private readonly ConnectionFiles _connections;
    private readonly CounterFiles _counters;

    /// <param name="host">Who asks.</param>
    /// <param name="stack">What the files are about.</param>
    /// <param name="resolver">Servers and domains.</param>
    /// <param name="isRunning">Whether an interface's device can send.</param>
    /// <param name="sockets">The program's sockets that have a port.</param>
    public StackFiles(
        ISocketHost host,
        IpStack stack,
        ResolverSettings resolver,
        Func<IpInterface, bool> isRunning,
        Func<IEnumerable<SocketView>> sockets)
    {
        _host = host;
        _hosts = new HostsFile(stack);
        _resolver = new ResolverFile(stack, resolver, Answer);
        _interfaces = new InterfaceFiles(stack, isRunning);
        _connections = new ConnectionFiles(stack, sockets);
        _counters = new CounterFiles(stack);
    }

    /// <summary>Answers with the content of the file that a query names, at once or when it is known.</summary>
    public void Serve(SocketHandle query)
    {
        string path = ReadPath(query);
        if (path == "/etc/resolv.conf")
        {
            _resolver.Serve(query);
        }
        else if (Read(path) is { } content)
        {
            Answer(query, content, DateTime.UtcNow);
        }
        else
        {
            _host.Complete(query, SocketErrno.ENOENT);
        }
    }

    private string? Read(string path) => path switch
    {
        "/etc/hosts" => _hosts.Write(),
        "/proc/net/dev" => _interfaces.Devices(),
        "/proc/net/route" => _interfaces.RoutesOfIPv4(),
        "/proc/net/ipv6_route" => _interfaces.RoutesOfIPv6(),
        "/proc/net/if_inet6" => _interfaces.AddressesOfIPv6(),
        "/proc/net/tcp" => _connections.Tcp(isIPv6: false),
        "/proc/net/tcp6" => _connections.Tcp(isIPv6: true),
        "/proc/net/udp" => _connections.Udp(isIPv6: false),
        "/proc/net/udp6" => _connections.Udp(isIPv6: true),
        "/proc/net/sockstat" => _connections.SocketCounts(),
        "/proc/net/sockstat6" => _connections.SocketCountsOfIPv6(),
        "/proc/net/snmp" => _counters.OfIPv4(),
        "/proc/net/snmp6" => _counters.OfIPv6(),
        "/proc/sys/net/ipv4/ip_forward" => _interfaces.Forwarding("all"),
        _ when IsOfInterface(path, Class, out string name, out string file) => _interfaces.OfClass(name, file),
        _ when (IsOfInterface(path, SettingsIPv4, out string name, out string file)
            || IsOfInterface(path, SettingsIPv6, out name, out file)) && file == Forwarding => _interfaces.Forwarding(name),
        _ => null,
    };

    private static bool IsOfInterface(string path, string folder, out string name, out string file)
    {
        string[] parts = path.StartsWith(folder, StringComparison.Ordinal) ? path[folder.Length..].Split('/') : [];
        (name, file) = parts.Length == 2 ? (parts[0], parts[1]) : ("", "");
        return parts.Length == 2;
    }

    private string ReadPath(SocketHandle query)
    {
        int length = _host.GetSendLength(query);
        if (length > LongestPath)
        {
            return "";
        }

        Span<byte> bytes = stackalloc byte[length];
        _host.CopySent(query, 0, bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private void Answer(SocketHandle query, string content, DateTime modified)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        if (!_host.TryWrite(query, 0, bytes))
        {
            _host.Complete(query, SocketErrno.ENOMEM);
            return;
        }

        _host.Commit(query, bytes.Length);
        _host.CompleteFile(query, modified);
    }
}
