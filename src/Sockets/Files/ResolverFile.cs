using System.Text;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets.Files;

/// <summary>
/// /etc/resolv.conf: the servers and domains that the guest's owner names, then those that the networks tell. It changes its time with its
/// content, by which glibc knows that it has to read it again.
/// </summary>
/// <remarks>
/// A program begins before its interfaces are configured, so whoever asks before there is a server waits, until an interface has an address
/// and no DHCP server is being asked any more, or until the limit is over. The limit is there once: a network without a server makes only
/// the first lookups wait.
/// </remarks>
internal sealed class ResolverFile
{
    private readonly IpStack _stack;
    private readonly ResolverSettings _settings;
    private readonly Action<SocketHandle, string, DateTime> _answer;
    private readonly List<SocketHandle> _waiting = [];
    private readonly StackTimer _timer;
    private string _content = "";
    private DateTime _modified;
    private bool _isGivenUp;

    public ResolverFile(IpStack stack, ResolverSettings settings, Action<SocketHandle, string, DateTime> answer)
    {
        _stack = stack;
        _settings = settings;
        _answer = answer;
        _timer = new StackTimer(GiveUp);
        stack.Changed += AnswerWaiting;
    }

    private bool IsKnown => _isGivenUp || _settings.Servers.Count > 0 || _stack.Resolver.Servers.Any()
        || (HasAddress && !_stack.IsAskingDhcp);

    private bool HasAddress =>
        _stack.Interfaces.Any(each => each.Addresses.Any(address => address.IsUsable && !address.Address.IsLinkLocal));

    public void Serve(SocketHandle query)
    {
        if (IsKnown)
        {
            Answer(query);
            return;
        }

        if (_waiting.Count == 0)
        {
            _stack.Internet.Timers.Set(_timer, _stack.Internet.Clock.Now + (_settings.Limit.Ticks * TimeSpan.NanosecondsPerTick));
        }

        _waiting.Add(query);
    }

    private void GiveUp()
    {
        _isGivenUp = true;
        AnswerWaiting();
    }

    private void AnswerWaiting()
    {
        if (_waiting.Count == 0 || !IsKnown)
        {
            return;
        }

        _stack.Internet.Timers.Cancel(_timer);
        SocketHandle[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach (SocketHandle query in waiting)
        {
            Answer(query);
        }
    }

    private void Answer(SocketHandle query)
    {
        string content = Write();
        if (content != _content || _modified == default)
        {
            // A clock that was set back must not bring back a time that stood for another content.
            DateTime now = _stack.Internet.Clock.UtcNow;
            _modified = now > _modified ? now : _modified.AddTicks(1);
            _content = content;
        }

        _answer(query, _content, _modified);
    }

    private string Write()
    {
        StringBuilder text = new();
        IEnumerable<string> own = _settings.Servers.Select(each => each.ToString());
        foreach (string server in own.Concat(_stack.Resolver.Servers.Select(each => each.ToString())).Distinct())
        {
            text.Append("nameserver ").Append(server).Append('\n');
        }

        string[] domains = [.. _settings.Domains.Concat(_stack.Resolver.SearchDomains).Distinct(StringComparer.OrdinalIgnoreCase)];
        if (domains.Length > 0)
        {
            text.Append("search ").AppendJoin(' ', domains).Append('\n');
        }

        return text.ToString();
    }
}
