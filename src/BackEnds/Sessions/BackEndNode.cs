using System.Globalization;

namespace Xenlet.BackEnds;

/// <summary>A node that a back end writes below its device's directory.</summary>
/// <param name="Name">Its name, such as <c>sectors</c>.</param>
/// <param name="Value">Its value.</param>
public readonly record struct BackEndNode(string Name, string Value)
{
    /// <summary>Creates a node with a number as value.</summary>
    /// <param name="name">Its name, such as <c>max-ring-page-order</c>.</param>
    /// <param name="value">Its value, which is written in decimal.</param>
    public BackEndNode(string name, long value)
        : this(name, value.ToString(CultureInfo.InvariantCulture))
    {
    }
}
