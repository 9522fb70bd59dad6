using System.Text;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets.Files;

/// <summary>The files that the stack answers for. Each question gets the content as it is then.</summary>
internal sealed class StackFiles
{
    private const int LongestPath = 256;

    private readonly ISocketHost _host;
    private readonly ResolverFile _resolver;
    private readonly HostsFile _hosts;

    /// <param name="host">Who asks.</param>
    /// <param name="stack">What the files are about.</param>
    /// <param name="servers">Servers of DNS that the guest's owner names.</param>
    /// <param name="domains">Domains to search that the guest's owner names.</param>
    /// <param name="addressLimit">How long the guest's first servers of DNS are waited for.</param>
    public StackFiles(
        ISocketHost host,
        IpStack stack,
        IReadOnlyList<InternetAddress> servers,
        IReadOnlyList<string> domains,
        TimeSpan addressLimit)
    {
        _host = host;
        _hosts = new HostsFile(stack);
        _resolver = new ResolverFile(stack, servers, domains, addressLimit, Answer);
    }

    /// <summary>Answers with the content of the file that a query names, at once or when it is known.</summary>
    public void Serve(SocketHandle query)
    {
        string path = ReadPath(query);
        switch (path)
        {
            case "/etc/resolv.conf":
                _resolver.Serve(query);
                break;
            case "/etc/hosts":
                Answer(query, _hosts.Write(), DateTime.UtcNow);
                break;
            default:
                _host.Complete(query, SocketErrno.ENOENT);
                break;
        }
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
