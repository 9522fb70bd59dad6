using Xenlet.Net.Base;
using Xenlet.Net.Configuration;
using Xenlet.Net.Internet;

namespace Xenlet.Net;

/// <summary>Servers of DNS and domains to search, as the networks of all interfaces tell them: what resolv.conf is made of.</summary>
public sealed class ResolverConfiguration
{
    /// <summary>How many servers and domains are kept: glibc's resolver asks three servers and searches six domains.</summary>
    private const int Capacity = 16;

    private readonly InternetLayer _layer;
    private readonly List<Entry> _entries = [];
    private readonly StackTimer _timer;

    internal ResolverConfiguration(InternetLayer layer)
    {
        _layer = layer;
        _timer = new StackTimer(Expire);
    }

    /// <summary>The servers, those first that were told first.</summary>
    public IEnumerable<NameServer> Servers => _entries.Where(each => each.Domain is null)
        .Select(each => new NameServer(each.Server, each.Source.Interface)).Distinct();

    /// <summary>The domains to search, without their last dot.</summary>
    public IEnumerable<string> SearchDomains => _entries.Where(each => each.Domain is not null)
        .Select(each => each.Domain!).Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a server; a time of 0 takes it away.</summary>
    internal void SetServer(in ConfigurationSource source, InternetAddress server, long validUntil) =>
        Set(new Entry(source, server, null, validUntil));

    /// <summary>Takes a domain; a time of 0 takes it away.</summary>
    internal void SetDomain(in ConfigurationSource source, string domain, long validUntil) =>
        Set(new Entry(source, default, domain, validUntil));

    /// <summary>Takes everything away that this source has told.</summary>
    internal void Clear(ConfigurationSource source)
    {
        if (_entries.RemoveAll(each => each.Source == source) > 0)
        {
            _layer.Changed?.Invoke();
        }
    }

    /// <summary>Takes everything away that was told on an interface.</summary>
    internal void Clear(IpInterface from)
    {
        if (_entries.RemoveAll(each => each.Source.Interface == from) > 0)
        {
            _layer.Changed?.Invoke();
        }
    }

    private void Set(Entry entry)
    {
        int index = _entries.FindIndex(
            each => each.Source == entry.Source && each.Server == entry.Server && each.Domain == entry.Domain);
        if (entry.ValidUntil == 0)
        {
            if (index >= 0)
            {
                _entries.RemoveAt(index);
                _layer.Changed?.Invoke();
            }

            return;
        }

        if (index >= 0)
        {
            _entries[index] = entry;
        }
        else if (_entries.Count < Capacity)
        {
            _entries.Add(entry);
            _layer.Changed?.Invoke();
        }

        SetTimer();
    }

    private void Expire()
    {
        long now = _layer.Clock.Now;
        if (_entries.RemoveAll(each => each.ValidUntil <= now) > 0)
        {
            _layer.Changed?.Invoke();
        }

        SetTimer();
    }

    private void SetTimer()
    {
        long next = _entries.Count == 0 ? StackTime.Never : _entries.Min(each => each.ValidUntil);
        if (next != StackTime.Never)
        {
            _layer.Timers.Set(_timer, next);
        }
        else
        {
            _layer.Timers.Cancel(_timer);
        }
    }

    private sealed record Entry(ConfigurationSource Source, InternetAddress Server, string? Domain, long ValidUntil);
}
