using System.Globalization;

namespace Xenlet.Drivers;

/// <summary>A node that a front end writes below its device's directory.</summary>
/// <param name="Name">Its name, such as <c>ring-ref</c>.</param>
/// <param name="Value">Its value.</param>
public sealed record FrontEndNode(string Name, string Value)
{
    /// <summary>Creates a node with a number as value.</summary>
    /// <param name="name">Its name, such as <c>event-channel</c>.</param>
    /// <param name="value">Its value, which is written in decimal.</param>
    public FrontEndNode(string name, long value)
        : this(name, value.ToString(CultureInfo.InvariantCulture))
    {
    }
}
