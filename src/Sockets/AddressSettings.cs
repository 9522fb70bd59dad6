using System.Globalization;
using Xenlet.Net;

namespace Xenlet.Sockets;

/// <summary>
/// Addresses, gateways and name servers that the domain's command line gives: <c>XENLET_IP=10.0.0.2/24,fd00::2/64</c>,
/// <c>XENLET_GATEWAY=10.0.0.1,fd00::1</c> for the interface vif0; for vif1 <c>XENLET_IP_1</c> and <c>XENLET_GATEWAY_1</c>, and so on.
/// <c>XENLET_DNS=10.0.0.1,fd00::1</c>, <c>XENLET_DNS_SEARCH=example.org,example.net</c> and <c>XENLET_ADDRESS_LIMIT=10</c>, the seconds for
/// which a call waits for an address, are for all, and so is <c>XENLET_ACCEPT_SOURCE_ROUTE=1</c>.
/// </summary>
public sealed class AddressSettings
{
    private const string Interface = "vif";
    private const string LimitVariable = "XENLET_ADDRESS_LIMIT";
    private const string SourceRouteVariable = "XENLET_ACCEPT_SOURCE_ROUTE";
    private const int LongestLimit = 86_400;

    private readonly Func<string, string?> _read;

    private AddressSettings(Func<string, string?> read) => _read = read;

    /// <summary>No settings.</summary>
    public static AddressSettings None { get; } = new(_ => null);

    /// <summary>The name servers.</summary>
    /// <exception cref="FormatException">An address is malformed.</exception>
    public IReadOnlyList<InternetAddress> NameServers =>
        Array.ConvertAll(Split("XENLET_DNS"), text => ParseAddress("XENLET_DNS", text));

    /// <summary>The domains in which names without a dot are looked up.</summary>
    /// <exception cref="FormatException">A domain has other characters than letters, digits, hyphens, underscores and dots.</exception>
    public IReadOnlyList<string> SearchDomains => Array.ConvertAll(Split("XENLET_DNS_SEARCH"), ParseDomain);

    /// <summary>How long a call waits for the guest's first address; <see langword="null"/> if nothing is said.</summary>
    /// <exception cref="FormatException">It is no whole number of seconds, or more than a day.</exception>
    public TimeSpan? AddressLimit => _read(LimitVariable) is not { } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds <= LongestLimit
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"{LimitVariable} has '{text}', which is not a number of seconds from 0 to {LongestLimit}");

    /// <summary>
    /// Whether packets with a source route are taken (<see cref="IpStackOptions.AcceptsSourceRoutes"/>):
    /// <c>XENLET_ACCEPT_SOURCE_ROUTE=1</c>.
    /// </summary>
    /// <exception cref="FormatException">It is neither 0 nor 1.</exception>
    public bool AcceptsSourceRoutes => _read(SourceRouteVariable) switch
    {
        null or "0" => false,
        "1" => true,
        string text => throw new FormatException($"{SourceRouteVariable} has '{text}', which is neither 0 nor 1"),
    };

    /// <summary>Settings in the environment, where the domain's command line is.</summary>
    public static AddressSettings FromEnvironment() => new(Environment.GetEnvironmentVariable);

    /// <summary>Settings that are read by their names.</summary>
    public static AddressSettings From(IReadOnlyDictionary<string, string> variables) => new(name => variables.GetValueOrDefault(name));

    /// <summary>An interface's addresses and the lengths of their prefixes; none to get them elsewhere.</summary>
    /// <param name="name">The interface's name, such as vif0.</param>
    /// <exception cref="FormatException">An address or a prefix is malformed.</exception>
    public AddressAssignment[] AddressesOf(string name)
    {
        string variable = VariableOf("XENLET_IP", name);
        return Array.ConvertAll(Split(variable), text => ParsePrefix(variable, text));
    }

    /// <summary>An interface's routers.</summary>
    /// <param name="name">The interface's name, such as vif0.</param>
    /// <exception cref="FormatException">An address is malformed.</exception>
    public InternetAddress[] GatewaysOf(string name)
    {
        string variable = VariableOf("XENLET_GATEWAY", name);
        return Array.ConvertAll(Split(variable), text => ParseAddress(variable, text));
    }

    private static string VariableOf(string variable, string name) => name switch
    {
        Interface + "0" => variable,
        _ when name.StartsWith(Interface, StringComparison.Ordinal) => $"{variable}_{name[Interface.Length..]}",
        _ => $"{variable}_{name}",
    };

    private static AddressAssignment ParsePrefix(string variable, string text)
    {
        if (AddressAssignment.TryParse(text, out AddressAssignment assignment))
        {
            return assignment;
        }

        InternetAddress address = ParseAddress(variable, text.Split('/')[0]);
        throw new FormatException(AddressAssignment.IsAssignable(address)
            ? $"{variable} has '{text}', whose prefix is not of 0 to {address.Size * 8} bits"
            : $"{variable} has '{text}', which no interface can have");
    }

    private static InternetAddress ParseAddress(string variable, string text) => InternetAddress.TryParse(text, out InternetAddress address)
        ? address
        : throw new FormatException($"{variable} has '{text}', which is no address of IPv4 or IPv6");

    private static string ParseDomain(string text) => text.All(each => char.IsAsciiLetterOrDigit(each) || each is '-' or '_' or '.')
        ? text
        : throw new FormatException($"XENLET_DNS_SEARCH has '{text}', which is no domain");

    private string[] Split(string variable) =>
        _read(variable)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
