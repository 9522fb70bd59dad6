using System.Globalization;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.CommandLines;

/// <summary>The words of a command's own line, taken one after the other.</summary>
/// <param name="command">The command, for messages.</param>
/// <param name="words">What follows it.</param>
internal sealed class Words(string command, IReadOnlyList<string> words)
{
    private int _next;

    public bool AtEnd => _next == words.Count;

    /// <summary>Takes the next word.</summary>
    public string Next() => words[_next++];

    /// <summary>Takes all that is left.</summary>
    public string[] Rest()
    {
        string[] rest = [.. words.Skip(_next)];
        _next = words.Count;
        return rest;
    }

    /// <summary>Takes the next word as an option's value.</summary>
    /// <exception cref="ToolException">There is none.</exception>
    public string Value(string option) => AtEnd ? throw Misunderstood($"option '{option}' needs a value") : Next();

    /// <summary>Takes the next word as an option's whole number.</summary>
    /// <exception cref="ToolException">It is none from 1 to <paramref name="maximum"/>.</exception>
    public int Number(string option, int maximum, string unit)
    {
        string text = Value(option);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= maximum
            ? number
            : throw Misunderstood(string.Create(
                CultureInfo.InvariantCulture, $"option '{option}' needs a whole number ({unit}) from 1 to {maximum}, but got '{text}'"));
    }

    /// <summary>The words of a command that takes none but one operand.</summary>
    /// <param name="operand">What the operand is, for messages.</param>
    /// <exception cref="ToolException">There is none, or something else.</exception>
    public string OnlyOperand(string operand)
    {
        string value = AtEnd ? throw Misunderstood($"{operand} is missing") : Operand(Next());
        return AtEnd ? value : throw Unexpected(Next());
    }

    /// <summary>A word that is no option.</summary>
    /// <exception cref="ToolException">It is one.</exception>
    public string Operand(string word) => word.StartsWith('-') ? throw Misunderstood($"unknown option '{word}'") : word;

    /// <summary>What to throw for a word that has no place.</summary>
    public ToolException Unexpected(string word) => Misunderstood($"unexpected '{word}'");

    /// <summary>What to throw for a line that is not understood.</summary>
    public ToolException Misunderstood(string what) =>
        new($"{command}: {what}; 'xenlet {command} --help' tells what there is", ToolException.Usage);
}
