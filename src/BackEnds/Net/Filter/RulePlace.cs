using System.Globalization;
using Xenlet.Net;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>Ports of the switch by a word of a rule.</summary>
internal enum PlaceKind
{
    /// <summary>All ports.</summary>
    Any,

    /// <summary>All front ends.</summary>
    Guests,

    /// <summary>All ports that are no front end's.</summary>
    Outside,

    /// <summary>The front ends of a domain.</summary>
    Domain,

    /// <summary>The front end with a hardware address.</summary>
    Mac,

    /// <summary>The front ends whose vif lines have a <c>bridge</c>.</summary>
    Bridge,
}

/// <summary>At which ports of the switch a rule looks.</summary>
internal readonly record struct RulePlace(PlaceKind Kind, int Domain = 0, MacAddress Address = default, string Bridge = "")
{
    public bool Contains(FilterPort port) => Kind switch
    {
        PlaceKind.Any => true,
        PlaceKind.Outside => port.IsOutside,
        _ when port.IsOutside => false,
        PlaceKind.Guests => true,
        PlaceKind.Domain => port.Domain == Domain,
        PlaceKind.Mac => port.Address == Address,
        _ => port.Bridge == Bridge,
    };

    public override string ToString() => Kind switch
    {
        PlaceKind.Any => "",
        PlaceKind.Guests => "guests",
        PlaceKind.Outside => "outside",
        PlaceKind.Domain => string.Create(CultureInfo.InvariantCulture, $"domain {Domain}"),
        PlaceKind.Mac => $"mac {Address}",
        _ => $"bridge {Bridge}",
    };
}
