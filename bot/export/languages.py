"""PURE: the codes of languages that other programs want: ISO 639-3, and those of them that FollowTheMoney knows."""

# https://iso639-3.sil.org/code_tables/639/data: the two letters of ISO 639-1 with the three of 639-3.
_TWO_LETTERS = """\
aa aar ab abk af afr ak aka am amh an arg ar ara as asm av ava ae ave ay aym az aze ba bak bm bam be bel bn ben bi bis
bo bod bs bos br bre bg bul ca cat cs ces ch cha ce che cu chu cv chv kw cor co cos cr cre cy cym da dan de deu dv div
dz dzo el ell en eng eo epo et est eu eus ee ewe fo fao fa fas fj fij fi fin fr fra fy fry ff ful gd gla ga gle gl glg
gv glv gn grn gu guj ht hat ha hau sh hbs he heb hz her hi hin ho hmo hr hrv hu hun hy hye ig ibo io ido ii iii iu iku
ie ile ia ina id ind ik ipk is isl it ita jv jav ja jpn kl kal kn kan ks kas ka kat kr kau kk kaz km khm ki kik rw kin
ky kir kv kom kg kon ko kor kj kua ku kur lo lao la lat lv lav li lim ln lin lt lit lb ltz lu lub lg lug mh mah ml mal
mr mar mk mkd mg mlg mt mlt mn mon mi mri ms msa my mya na nau nv nav nr nbl nd nde ng ndo ne nep nl nld nn nno nb nob
no nor ny nya oc oci oj oji or ori om orm os oss pa pan pi pli pl pol pt por ps pus qu que rm roh ro ron rn run ru rus
sg sag sa san si sin sk slk sl slv se sme sm smo sn sna sd snd so som st sot es spa sq sqi sc srd sr srp ss ssw su sun
sw swa sv swe ty tah ta tam tt tat te tel tg tgk tl tgl th tha ti tir to ton tn tsn ts tso tk tuk tr tur tw twi ug uig
uk ukr ur urd uz uzb ve ven vi vie vo vol wa wln wo wol xh xho yi yid yo yor za zha zh zho zu zul"""
# followthemoney 4.11, `LanguageType.LANGUAGES`
_KNOWN = """\
afr amh ara aze bel ben bos bul cat ces cnr dan deu ell eng est fas fil fin fra gle heb hin hrv hun hye ind isl ita
jpn kan kat kaz khm kir kor lao lav lit ltz mkd mlt mon msa mya nep nld nor pol por pus ron rus sin slk slv spa sqi
srp swa swe tam tel tgk tgl tha tuk tur ukr urd uzb vie zho"""
_FTM = frozenset(_KNOWN.split())
_CODES = _TWO_LETTERS.split()
_ISO = dict(zip(_CODES[::2], _CODES[1::2], strict=True))
_UNKNOWN = ("und", "mul", "zxx", "mis")


def find_iso(language: str) -> str | None:
    """The code of ISO 639-3 for a language of the archive; None where it is unknown."""
    plain = language.partition("-")[0].lower()
    found = _ISO.get(plain, plain)
    return found if len(found) == 3 and found.isascii() and found.isalpha() and found not in _UNKNOWN else None


def find_ftm(language: str) -> str | None:
    """The same where FollowTheMoney knows the language, else None."""
    found = find_iso(language)
    return found if found in _FTM else None
