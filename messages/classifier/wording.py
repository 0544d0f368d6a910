"""What the words of servers mean, in the order in which they are asked; the first match counts.

The text is in lower case, its blanks single, without addresses, links, brackets and quotes. Gaps
are bounded, so that no text takes long.
"""

import re

from events.reasons import Reason

Rules = tuple[tuple[Reason, re.Pattern[str]], ...]


def _rules(*written: tuple[Reason, str]) -> Rules:
    """Compile rules; a pattern is a list of alternatives, one a line."""
    return tuple(
        (reason, re.compile("|".join(line.strip() for line in lines.strip().splitlines())))
        for reason, lines in written
    )


# These say more than any code.
CLEAR = _rules(
    (
        Reason.AUTHENTICATION,
        r"""
        \bspf\b
        \bdkim\b
        \bdmarc\b
        \bptr\b
        reverse.?dns
        \br-?dns\b
        unauthenticated (?:e-?mail|message|sender)
        (?:pass|fail\w*|without|lacks?) (?:the )?(?:sender )?authentication (?:checks|information)
        does not have authentication information
        purported responsible address
        ip name lookup failed
        (?:cannot|could not|can't|unable to) (?:find|resolve|verify) your (?:host ?name|ip|reverse)
        unverifiable sending ip
        """,
    ),
    (
        Reason.GREYLISTED,
        r"""
        gr[ae]y.?list
        temporarily (?:greylist|deferred for new)
        (?:please )?try again in (?:\d+ )?(?:seconds|minutes)
        first time (?:sender|we see)
        """,
    ),
    (
        Reason.REPUTATION,
        r"""
        black.?list(?!ed url|ed link)
        block.?list
        deny.?list
        \brbl\b
        \bdnsbl
        spamhaus
        spamcop
        \bsorbs\b
        barracuda ?(?:central|reputation)
        senderscore
        reputation
        user complaints
        unsolicited mail (?:originating|from your)
        unusual rate of unsolicited
        banned (?:sending|sender)
        (?:ip|host|client|server|network)[^.]{0,60}(?:is |are |was |been )?(?:blocked|banned|listed)
        blocked (?:using|by|because your)
        blocked - see
        access from ip address .{0,40}blocked
        open relay
        dynamic ip
        invalid ip for sending
        not in whitelist
        connection refused by policy
        \(bl\)|\bbl \)|clarify\. bl\b
        mail from .{0,60}(?:weren.t sent|refused)
        service permits \d+ unverif
        """,
    ),
    (
        Reason.RATE_LIMITED,
        r"""
        rate.?limit
        throttl
        (?:sending|submission|relay|daily|hourly|message|connection) .{0,20}(?:limit|quota) .{0,20}(?:exceed|reached)
        exceed\w* .{0,30}(?:rate|hourly|daily|per hour|per day|per minute)
        too many (?:connection|message|concurrent|session|mails|e-?mails|recipients this)
        slow(?:er| down)
        at a rate that
        unusual rate
        unexpected volume
        too (?:fast|frequently|much mail)
        receiving mail too quickly
        """,
    ),
    (
        Reason.MESSAGE_TOO_LARGE,
        r"""
        (?:message|mail|content|header|size|body|file|attachment)s? .{0,40}too (?:big|large)
        message (?:is )?too long
        too (?:big|large) .{0,20}(?:message|mail|system|recipient)
        (?:exceed|larger than|over|above)\w* .{0,40}(?:message|header|maximum|size|length|administrative|attachment)\w* .{0,12}(?:size|limit|length)
        message (?:size|length) (?:exceed|limit|violation)
        exceeds .{0,20}(?:limit of|header name)
        bytes per individual header
        maximum (?:message|allowed) size
        sizelimit
        """,
    ),
    (
        Reason.SERVER_ERROR,
        r"""
        (?:insufficient|not enough|no) (?:disk|system|free|main) (?:space|storage|resources|memory)
        system full
        disk (?:is )?full
        (?:queue|temp) file write error
        """,
    ),
    (
        Reason.MAILBOX_FULL,
        r"""
        (?:mail ?box|mail ?folder|inbox|mail ?drop|in-box|postfach|account).{0,30}(?:is |was |are )?(?:full|stuffed|overflow)
        full mail ?box
        (?:over|exceed\w*|violat\w*|above|out of|past|hit|reached).{0,30}quota
        quota.{0,60}(?:exceed|violat|full|reached|over)
        over.?quota
        quota violation
        out of storage
        mailbox .{0,40}(?:exceed\w* (?:the |allowed|local|its|maximum)|over its)
        messages in recipient's mailbox exceed
        not enough (?:storage|space)
        (?:space|room) (?:is )?not enough
        (?:insufficient|no|exceeded|lack of) .{0,20}(?:storage|space) .{0,20}(?:allocation|left|available|in mail)
        too much mail stored
        has exceeded .{0,30}(?:storage|space|limit)
        bo[iî]te .{0,30}pleine
        buz[oó]n .{0,20}lleno
        casella .{0,20}piena
        caixa .{0,30}cheia
        ящик .{0,30}переполнен
        容量|已满|空間不足|いっぱい
        """,
    ),
    (
        Reason.RELAYING_DENIED,
        r"""
        rela(?:y|ying) .{0,30}(?:denied|prohibited|not permitted|not allowed|access|refused|disallowed|rejected)
        (?:not|n't|unable to|cannot|refus\w*|denied|no) (?:permitted to )?rela(?:y|ying)
        insecure mail relay
        mail relay denied
        isn't in my list of allowed rcpthosts|not in my list
        not (?:a )?(?:local|our) (?:domain|customer)
        not authorized to send email directly
        """,
    ),
    (
        Reason.POLICY,
        r"""
        (?:domain of )?sender(?:'s)? (?:address|domain|e-?mail).{0,80}(?:reject|not exist|invalid|denied|not found|unknown|refused|not allowed|not accept)
        (?:invalid|bad|unknown|unauthorized|unresolvable|blocked|rejected) (?:outbound )?sender
        sender (?:rejected|denied|refused|not allowed|is not allowed|was not authenticated|not authenticated|ok not|verify failed)
        for policy reasons
        (?:local|security|due to|by|violat\w*|sender) policy
        policy (?:violation|reject|restriction)
        denied by policy
        not (?:a )?member of
        not accepting mail from
        from: domain is invalid
        """,
    ),
    (
        Reason.INVALID_ADDRESS,
        r"""
        (?:unknown|invalid|illegal|bad|non-?existent|nonexistent|no such|wrong|undefined) (?:local |or illegal |e-?mail |destination |final delivery |rcpt |smtp )?(?:user|recipient|mail ?box|alias|account|address|user ?name|userid|person|addressee)
        (?:user|recipient|mail ?box|addressee|account|alias|address|person)s?,? .{0,40}(?:is |are |was |be |has been |have been )?(?:unknown|not (?:be )?found|not known|not exist|invalid|not listed|not recogni[sz]ed|not valid|not local|incorrect|misspelled|non-?existent|no longer (?:on server|valid|exists?|here)|disappear)
        (?:user|recipient|mail ?box|account|address)s?,? .{0,30}(?:does not|doesn't|did not|don't) exist
        not exist(?:ing)? (?:user|mailbox|recipient)
        no (?:mail ?box|user|account|recipient|such person) .{0,15}(?:here|by that name|with that name|of that name|found)
        no mail ?box\b
        no longer on server
        doesn't have an? .{0,80}account
        not (?:a )?(?:valid|known|local) (?:user|mailbox|recipient|address)
        (?:recip|recipient|exrecip)(?:ient)?not ?found
        exrecipnotfound|recipnotfound
        not listed in .{0,40}(?:directory|address book)
        not listed in (?:domino|public)
        find (?:the |this |that |any )?(?:user|recipient|mailbox|account)
        (?:mailbox|user|address) (?:has )?(?:moved|been replaced)
        has been replaced by
        (?:mailbox|domain) owner has changed
        no matching directory entry
        directory lookup failed|no matches to nameserver
        rcp-p1
        recipient address rejected: access denied.{0,60}(?:outlook\.com|as ?\(?\d)
        single label domains
        not our customer
        address couldn.t be found|address you entered couldn.t be found|address wasn.t found
        empf[aä]nger .{0,30}(?:unbekannt|nicht gefunden|existiert nicht)
        (?:utilisateur|destinataire|adresse) .{0,40}(?:inconnue?|n.existe pas|introuvable)
        (?:usuario|destinatario|direcci[oó]n|cuenta) .{0,30}(?:desconocid|no existe|no encontrad)
        (?:utente|destinatario|indirizzo) .{0,30}(?:sconosciut|non esiste|inesistente|non trovat)
        (?:usu[aá]rio|destinat[aá]rio|endere[cç]o) .{0,30}(?:desconhecid|n[aã]o existe|n[aã]o encontrad)
        (?:пользовател|адрес|ящик).{0,40}не (?:существует|найден)
        不存在|存在しません|見つかりません|존재하지
        """,
    ),
    (
        Reason.INACTIVE_MAILBOX,
        r"""
        (?:account|mail ?box|user|recipient|address)s? .{0,50}(?:disabled|inactive|deactivated|suspended|discontinued|closed|locked|expired|terminated|deleted|frozen|not active|cannot be accessed|has been blocked|on hold)
        (?:disabled|inactive|deactivated|suspended|closed|expired) (?:recipient|account|user|mail ?box|address)
        not accepting (?:mail|messages|any mail) .{0,30}(?:this|at this) (?:address|account|mailbox)
        suspend the service
        not been collected after
        """,
    ),
    (
        Reason.DOMAIN_NOT_FOUND,
        r"""
        (?:host|domain|system)(?: name)?s?,? (?:or domain name )?(?:is )?(?:unknown|not found(?!, try)|not exist|non-?existent)
        (?:unknown|invalid|illegal|bad|non-?existent|nonexistent|no such) (?:mail |destination |remote |recipient )?(?:host|domain|system)
        (?:find|locate|resolve) .{0,30}(?:host|domain)
        nxdomain
        domain .{0,80}(?:does not|doesn't|do not) (?:exist|receive|accept)
        domain .{0,80}(?:not found(?!, try)|had no relevant answers|returned null mx)
        dns lookup failure
        lookup failure
        \d{3} [\w.-]+\.[a-z]{2,} does not exist
        null mx
        """,
    ),
    (
        Reason.CONTENT_REJECTED,
        r"""
        virus
        malware
        infected
        trojan
        (?:illegal|prohibited|forbidden|executable|dangerous|banned|potential\w*|blocked) .{0,30}(?:attachment|file|content|security)
        attachment .{0,40}(?:blocked|not allowed|rejected|prohibited|denied)
        rfc.?5322|rfc.?2822|rfc.?822
        not rfc
        (?:missing|invalid|multiple|duplicate|malformed|bad|improper\w*) .{0,40}header
        header .{0,40}(?:error|missing|invalid|malformed)
        disallowed header
        encoded-word syntax
        missing a valid .{0,20}(?:from|message-id)
        media error
        8-?bit data
        improperly-formatted
        invalid (?:message )?content
        invalid characters
        """,
    ),
    (
        Reason.SPAM_CONTENT,
        r"""
        \bspam
        \bube\b|\buce\b
        unsolicited
        junk
        phish
        bulk (?:e-?mail|mail|sender)
        uribl|surbl
        blacklisted (?:url|link)
        spamassassin
        ofr_?506|ofr006_506
        content (?:rejected|blocked|filter|was rejected)
        mail rejet[eé]
        """,
    ),
    (
        Reason.EXPIRED,
        r"""
        (?:delivery|message|retry|queue|time|timeout) .{0,20}(?:time )?(?:expired|exceeded for)
        retry time(?:out)? .{0,20}(?:exceeded|not reached)
        (?:in|on) the queue too long
        (?:could not be|couldn't be|has not been|not been) delivered (?:for|within|in|after) .{0,20}(?:days?|hours?|too long)
        unable to deliver .{0,30}(?:after \d+|multiple retries)
        delivery failed \d+ attempts
        exceeded maximum delivery attempts
        failing for a long time
        maximum (?:queue|retry|delivery) (?:time|attempts)
        message will be retried
        has been delayed
        was aborted after
        """,
    ),
    (
        Reason.UNREACHABLE,
        r"""
        time[d]? ?-?out
        connection (?:was |has been )?(?:refused|reset|lost|dropped|closed|to mail exchanger failed)
        no route
        (?:network|host|destination|server)[^.]{0,30}(?:unreachable|not reachable|not responding|unavailable or busy|did not respond|not reached)
        (?:could not|couldn't|unable to|cannot|can't|wasn't able to|failed to|did not accept our requests to) (?:establish .{0,20})?(?:connect|connection)
        (?:too many|maximum|exceeded .{0,10}) ?(?:hops|hop count)
        hop count
        loop(?:ing|s back)?\b
        name (?:service|server) (?:error|reply)
        malformed or unexpected name server
        no mx record
        try again
        could not find a gateway
        network error
        socket error
        """,
    ),
    (Reason.HARD_BOUNCE, r"recipient address rejected"),
)

# Vague words: asked only where the status says nothing.
VAGUE = _rules(
    (
        Reason.HARD_BOUNCE,
        r"""
        mail ?box (?:is |currently )?(?:unavailable|not available)
        recipient (?:address )?(?:rejected|refused|denied)
        rejected recipient
        no valid recipients
        user reject
        not a registered gateway user
        could not be reached
        """,
    ),
    (
        Reason.SERVER_ERROR,
        r"""
        (?:service|server|system|resources?) .{0,30}(?:unavailable|not available|not active|busy|error|not accepting)
        temporar
        transaction failed
        config(?:uration)? error
        internal error
        ldap
        procmail|mailer error|child status|pipe to
        system problem
        """,
    ),
    (
        Reason.POLICY,
        r"""
        polic(?:y|ies)
        access denied|denied|no access
        not (?:authori[sz]ed|allowed|permitted|acceptable|accepted|accepting)
        prohibited
        reject
        refus
        blocked
        administrat
        security
        authenticat
        tls|certificate|encryption
        """,
    ),
    (
        Reason.PROTOCOL_ERROR,
        r"""
        syntax
        protocol
        command
        helo|ehlo|\bhello\b
        unrecogni[sz]ed
        """,
    ),
)
