using System.Globalization;

namespace Xenlet.BackEnds;

/// <summary>A text holds no filter rules. The message says where, what was expected there, and what was found.</summary>
public sealed class FilterSyntaxException : FormatException
{
    internal FilterSyntaxException(int line, int column, string problem)
        : base(string.Create(CultureInfo.InvariantCulture, $"line {line}, column {column}: {problem}"))
    {
        Line = line;
        Column = column;
        Problem = problem;
    }

    /// <summary>The line, counted from 1.</summary>
    public int Line { get; }

    /// <summary>The column, counted from 1.</summary>
    public int Column { get; }

    /// <summary>The message without the place.</summary>
    public string Problem { get; }
}
